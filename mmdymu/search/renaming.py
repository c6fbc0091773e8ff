"""Better nodes for the same sharing: two nodes of a layer change places as long as that helps."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

__all__ = ["rename_nodes"]

_MAX_SWAPS = 100
_TOLERANCE = 1e-12


def rename_nodes(weighted: NDArray[np.float64], paths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Descend to a tree that no exchange of two nodes of one layer improves; which tasks share stays as it is.

    Args:
        weighted: (N, N, …, N) path table of L + 1 axes, times the weights.
        paths: (N, L), the streams of every task's nodes.

    Returns:
        (N, L) paths of at most the same loss and the same cost.
    """
    tasks, layers = paths.shape
    exchanges = [_exchange(tasks, pair) for pair in combinations(range(tasks), 2)]
    if not exchanges:
        return paths
    renamings = np.array(exchanges)
    best = _losses(weighted, paths[None])[0]
    for _ in range(_MAX_SWAPS):
        by_layer = np.tile(paths, (layers, len(renamings), 1, 1))
        for layer in range(layers):
            by_layer[layer, :, :, layer] = renamings[:, paths[:, layer]]
        moves = by_layer.reshape(-1, tasks, layers)
        losses = _losses(weighted, moves)
        winner = int(losses.argmin())
        if losses[winner] >= best - _TOLERANCE:
            break
        paths, best = moves[winner], losses[winner]
    return paths


def _exchange(tasks: int, pair: tuple[int, int]) -> list[int]:
    names = list(range(tasks))
    names[pair[0]], names[pair[1]] = pair[1], pair[0]
    return names


def _losses(weighted: NDArray[np.float64], paths: NDArray[np.int64]) -> NDArray[np.float64]:
    """(B,) for (B, N, L) paths."""
    return weighted[(np.arange(paths.shape[1]), *paths.transpose(2, 0, 1))].sum(axis=-1)
