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
    proportion to the number of labelled pixels and to the area of the disc, some 20 MB for usual images.

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
        height, self._width = (side + 2 * self._margin for side in target.shape)
        down, right = _disc(radius)
        near = self._places(target)[:, None] + (down * self._width + right)
        self.total = len(near)
        starts = np.arange(0, near.size + 1, len(down))
        graph = csc_matrix((np.ones(near.size, np.int8), near.reshape(-1), starts), (height * self._width, self.total))
        self._graph = graph.tocsr()

    def match(self, pred: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        """A largest one-to-one matching.

        Args:
            pred: (H, W) bool, predicted edge pixels.
            start: Matching with another prediction. The more predicted pixels are the same, the less is left to do.

        Returns:
            (total,) per labelled pixel a number of its partner, -1 without one.

        Raises:
            ValueError: If the prediction has another shape than the label.
        """
        if pred.shape != self.shape:
            raise ValueError(f"edges: prediction {pred.shape} and label {self.shape} differ in shape.")
        places = self._places(pred)
        partners = np.full(self.total, -1)
        if start is not None:
            rows = np.full(self._graph.shape[0] + 1, -1)  # One more for -1.
            rows[places] = np.arange(len(places))
            partners = rows[start]
        partners = _largest_matching(self._graph[places], partners)
        return np.append(places, -1)[partners]

    def _places(self, mask: np.ndarray) -> np.ndarray:
        """Indices of the set pixels in the flattened image with its margin, ascending."""
        rows, columns = np.divmod(np.flatnonzero(mask), mask.shape[1])
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
    matching = EdgeMatcher(np.asarray(target, bool), max_distance).match(np.asarray(pred, bool))
    return int(np.count_nonzero(matching >= 0))


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


def _largest_matching(graph: csr_matrix, partners: np.ndarray) -> np.ndarray:
    """A maximum matching between the rows and columns of a sparse matrix.

    As a flow, added to that of the matching at hand: a free row is fed, a free column drains, and a matched column
    leads back to its row. SciPy's own ``maximum_bipartite_matching`` has cases of this kind that take it minutes,
    where Dinic's algorithm takes milliseconds.

    Args:
        graph: (R, C), an entry for every pair that may match.
        partners: (C,) row that a column is matched with so far, -1 without one.

    Returns:
        (C,) the same for the largest matching.
    """
    rows, columns = graph.shape
    source, sink = rows + columns, rows + columns + 1
    free = np.ones(rows, bool)
    free[partners[partners >= 0]] = False
    back = np.where(partners >= 0, partners, sink)
    indices = np.concatenate([graph.indices + rows, back, np.flatnonzero(free)]).astype(np.int32)
    ends = np.concatenate([graph.indptr, graph.nnz + np.arange(1, columns + 1), [indices.size] * 2]).astype(np.int32)
    network = csr_matrix((np.ones(indices.size, np.int32), indices, ends), (sink + 1, sink + 1))
    flow = maximum_flow(network, source, sink, method="dinic").flow
    # A row sends its unit to its new partner; columns keep or change theirs, but never lose it.
    sent = np.flatnonzero(flow.data[: flow.indptr[rows]] > 0)
    result = partners.copy()
    result[flow.indices[sent] - rows] = np.searchsorted(flow.indptr[: rows + 1], sent, side="right") - 1
    return result
