"""Non-dominated points and pairs of tasks that compete."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

__all__ = ["competing_pairs", "non_dominated"]


def non_dominated(points: np.ndarray, higher_is_better: Sequence[bool]) -> np.ndarray:
    """Find the points that no other point beats: as good everywhere and better somewhere.

    Args:
        points: (K, D); rows with NaN are never in the front.
        higher_is_better: D directions.

    Returns:
        (K,) bool.
    """
    costs: np.ndarray = np.where(list(higher_is_better), -points, points)
    known = np.isfinite(costs).all(axis=1)
    no_worse = np.all(costs[None] <= costs[:, None], axis=-1)
    better = np.any(costs[None] < costs[:, None], axis=-1)
    beaten = np.any(no_worse & better, axis=1)
    return np.asarray(known & ~beaten)


def competing_pairs(values: np.ndarray, limit: int) -> list[tuple[int, int]]:
    """Choose pairs of tasks, those first where one gains most surely when the other loses.

    Args:
        values: (K, N), lower is better; NaN = not known.
        limit: Largest number of pairs.

    Returns:
        Pairs (i, j), i < j, in task order; all pairs if there are not more than ``limit``.
    """
    pairs = list(combinations(range(values.shape[1]), 2))
    ranked = sorted(pairs, key=lambda pair: _correlation(values[:, pair[0]], values[:, pair[1]]))
    return sorted(ranked[:limit])


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's correlation; 1, so last in the order, where it is not defined."""
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < 2 or np.ptp(first[known]) == 0 or np.ptp(second[known]) == 0:
        return 1.0
    return float(np.corrcoef(first[known], second[known])[0, 1])
