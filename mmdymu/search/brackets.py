"""What a controller's choice is compared with, at equal share: a plain heuristic, and searched trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmdymu.models import ControllableNet
from mmdymu.progress import Progress
from mmdymu.tree import BranchingTree

from .exact import pareto_front

__all__ = ["heuristic_tree", "normalised_table", "searched_trees"]

TOLERANCE = 1e-9


def heuristic_tree(model: ControllableNet, weights: Sequence[float], share: float) -> BranchingTree:
    """Trunk of the most preferred task, one common branch depth, the earliest whose share fits.

    Args:
        model: Tells sizes and costs.
        weights: (N,) preference.
        share: Largest controllable share.

    Returns:
        The tree.
    """
    trunk = int(np.argmax(weights))
    candidates = (
        BranchingTree.heuristic(model.num_tasks, model.num_layers, trunk, layer)
        for layer in range(model.num_layers + 1)
    )
    return next(tree for tree in candidates if model.complexity.share(tree) <= share + TOLERANCE)


def searched_trees(
    model: ControllableNet,
    table: np.ndarray,
    weights: Sequence[Sequence[float]],
    shares: Sequence[Sequence[float]],
    name: str,
) -> list[list[BranchingTree]]:
    """The tree of least weighted loss on a path table, for every share.

    Args:
        model: Tells the costs.
        table: (N, N, …, N) normalised losses, see :func:`pareto_front`.
        weights: Preferences, (N,) each.
        shares: For each preference, the largest shares.
        name: What the progress line calls it.

    Returns:
        For each preference, a tree for each share.
    """
    bar, rows = Progress(name, len(weights)), []
    for r, row in zip(weights, shares, strict=True):
        front = pareto_front(table, r, model.complexity.node_flops)
        rows.append([min((p for p in front if p[0] <= share + TOLERANCE), key=lambda p: p[1])[2] for share in row])
        bar.update()
    return rows


def normalised_table(table: Any) -> np.ndarray:
    """A path table whose losses are divided by those of the single-task nets."""
    losses = np.asarray(table.cpu() if hasattr(table, "cpu") else table)
    single = np.array([losses[(j,) * losses.ndim] for j in range(len(losses))])
    return losses / single.reshape(-1, *[1] * (losses.ndim - 1))
