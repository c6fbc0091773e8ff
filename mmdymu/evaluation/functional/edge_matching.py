"""One-to-one matching of edge pixels that lie close together."""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix
from scipy.sparse.csgraph import maximum_flow

__all__ = ["EdgeMatcher", "check_max_distance", "match_edges"]


class EdgeMatcher:
    """Labelled edge pixels that wait for predictions.

    What lies near which labelled pixel is worked out once, for all predictions of an image. It takes memory in
    proportion to the number of labelled pixels and to the area of the disc, about 5 MB for usual images.

    Args:
        target: (H, W) bool, labelled edge pixels.
        max_distance: Largest distance of a match, as a share of the image's diagonal.

    Raises:
        ValueError: If ``max_distance`` is not in [0, 1).
    """

    def __init__(self, target: np.ndarray, max_distance: float) -> None:
        check_max_distance(max_distance)
        self.shape = target.shape
        radius = max_distance * math.hypot(*target.shape)
        self._margin = int(radius)
        down, right = _disc(radius)
        rows, columns = np.nonzero(target)
        height, self._width = (side + 2 * self._margin for side in target.shape)
        near = self._place(rows, columns)[:, None] + (down * self._width + right)
        starts = np.arange(0, near.size + 1, len(down))
        graph = csc_matrix((np.ones(near.size, np.int8), near.reshape(-1), starts), (height * self._width, len(rows)))
        self._graph = graph.tocsr()
        self.total = len(rows)

    def count(self, pred: np.ndarray) -> int:
        """Largest number of one-to-one matches.

        Args:
            pred: (H, W) bool, predicted edge pixels.

        Raises:
            ValueError: If the prediction has another shape than the label.
        """
        if pred.shape != self.shape:
            raise ValueError(f"edges: prediction {pred.shape} and label {self.shape} differ in shape.")
        return _largest_matching(self._graph[self._place(*np.nonzero(pred))])

    def _place(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Index of pixels in the flattened image with its margin."""
        return (rows + self._margin) * self._width + columns + self._margin


def match_edges(pred: np.ndarray, target: np.ndarray, max_distance: float = 0.0075) -> int:
    """Largest number of one-to-one matches between predicted and labelled edge pixels.

    The boundary benchmarks also minimise the distance of the matches, which does not change their number.

    Args:
        pred: (H, W) bool.
        target: (H, W) bool.
        max_distance: Largest distance of a match, as a share of the image's diagonal.

    Raises:
        ValueError: If the shapes differ or ``max_distance`` is not in [0, 1).
    """
    return EdgeMatcher(np.asarray(target, bool), max_distance).count(np.asarray(pred, bool))


def check_max_distance(max_distance: float) -> None:
    """Raises a ValueError unless it is a share of the diagonal."""
    if not 0 <= max_distance < 1:
        raise ValueError(f"max_distance={max_distance} must be a share of the image's diagonal, in [0, 1).")


def _disc(radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Row and column offsets of all pixels within a radius."""
    reach = int(radius)
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = down**2 + right**2 <= radius**2
    return down[inside], right[inside]


def _largest_matching(graph: csr_matrix) -> int:
    """Size of a maximum matching between the rows and columns of a sparse matrix.

    As a flow: SciPy's own ``maximum_bipartite_matching`` has cases of this kind that take it minutes, where
    Dinic's algorithm takes milliseconds.
    """
    rows, columns = graph.shape
    source, sink = rows + columns, rows + columns + 1
    indices = np.concatenate([graph.indices + rows, np.full(columns, sink), np.arange(rows)]).astype(np.int32)
    ends = np.concatenate(
        [graph.indptr, graph.nnz + np.arange(1, columns + 1), [graph.nnz + columns + rows, indices.size]]
    ).astype(np.int32)
    network = csr_matrix((np.ones(indices.size, np.int32), indices, ends), (sink + 1, sink + 1))
    return int(maximum_flow(network, source, sink, method="dinic").flow_value)
