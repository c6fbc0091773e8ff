"""A tree with what it costs and loses, and fronts of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from mmdymu.tree import BranchingTree

__all__ = ["Solution", "strict_front"]


class Solution(NamedTuple):
    """A tree on a path table.

    Attributes:
        share: Controllable share of the tree, 0 = one trunk, 1 = separate streams.
        loss: Weighted sum of the tasks' losses.
        tree: The tree.
        exact: Whether the search looked at all trees of at most that share.
    """

    share: float
    loss: float
    tree: BranchingTree
    exact: bool = True


def strict_front(solutions: Iterable[Solution], max_share: float) -> list[Solution]:
    """Keep what nothing else beats.

    Args:
        solutions: Any solutions.
        max_share: Leaves out what has more.

    Returns:
        Solutions with rising share and falling loss.
    """
    front: list[Solution] = []
    for solution in sorted(solutions, key=lambda found: found[:2]):
        if solution.share <= max_share and solution.loss < (front[-1].loss if front else math.inf):
            front.append(solution)
    return front
