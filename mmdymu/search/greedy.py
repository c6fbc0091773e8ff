"""Trees for many tasks: from separate streams to one trunk, by the cheapest merge of two nodes each time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mmdymu.tree import BranchingTree

from .renaming import rename_nodes
from .solution import Solution

__all__ = ["greedy_front"]

Paths = NDArray[np.int64]


def greedy_front(weighted: NDArray[np.float64], layer_shares: NDArray[np.float64]) -> list[Solution]:
    """Collect trees on the way from separate streams to one trunk, all with a common branch depth, the best trunk.

    Their nodes are then exchanged for better ones of the same layer.

    Args:
        weighted: Path table of L + 1 axes, times the weights.
        layer_shares: (L,), what one more node in a layer adds to the share.

    Returns:
        Solutions, dominated ones among them.
    """
    tasks, layers = len(weighted), weighted.ndim - 1
    candidates = [
        np.array(BranchingTree.heuristic(tasks, layers, trunk, branch).paths)
        for trunk in range(tasks)
        for branch in range(layers + 1)
    ]
    candidates.extend(_merge_all(weighted, layer_shares))
    trunk = np.unravel_index(weighted.sum(axis=0).argmin(), (tasks,) * layers)
    candidates.append(np.tile(np.array(trunk), (tasks, 1)))
    candidates.extend([rename_nodes(weighted, paths) for paths in candidates])
    return [
        Solution(
            _share(paths, layer_shares), _loss(weighted, paths), BranchingTree.from_paths(paths.tolist()), exact=False
        )
        for paths in candidates
    ]


def _merge_all(weighted: NDArray[np.float64], layer_shares: NDArray[np.float64]) -> Iterator[Paths]:
    tasks, layers = len(weighted), weighted.ndim - 1
    paths = np.repeat(np.arange(tasks)[:, None], layers, axis=1)
    while True:
        yield paths
        loss, share = _loss(weighted, paths), _share(paths, layer_shares)
        moves = list(_merges(paths))
        if not moves:
            return
        gains = [(_loss(weighted, move) - loss) / max(share - _share(move, layer_shares), 1e-12) for move in moves]
        paths = moves[int(np.argmin(gains))]


def _merges(paths: Paths) -> Iterator[Paths]:
    """All tasks that pass one node pass another one of its layer instead, and that one's way to the image."""
    for layer in range(paths.shape[1]):
        used, representatives = np.unique(paths[:, layer], return_index=True)
        for node, representative in zip(used, representatives, strict=True):
            for other in used:
                if other != node:
                    merged = paths.copy()
                    merged[paths[:, layer] == other, : layer + 1] = paths[representative, : layer + 1]
                    yield merged


def _loss(weighted: NDArray[np.float64], paths: Paths) -> float:
    return float(weighted[(np.arange(len(paths)), *paths.T)].sum())


def _share(paths: Paths, layer_shares: NDArray[np.float64]) -> float:
    extra = [len(set(nodes)) - 1 for nodes in paths.T.tolist()]
    return round(float(layer_shares @ extra), 12)
