"""What trees cost under many preferences: hypernets alone answer, no image is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from mmdymu.models import ControllableNet
from mmdymu.preference import Preference
from mmdymu.tree import BranchingTree

from .settings import SweepSettings

__all__ = ["chosen_trees", "controller_size", "cost_curve", "predict_trees", "simplex_shares"]

CURVE = tuple(step / 10 for step in range(11))
SIMPLEX_STEPS = 20
SKEWED = 0.8
CHUNK = 512


def predict_trees(model: ControllableNet, preferences: Sequence[Preference]) -> list[BranchingTree]:
    """The most likely trees under many preferences."""
    trees: list[BranchingTree] = []
    with torch.no_grad():
        for start in range(0, len(preferences), CHUNK):
            logits = model.edge_logits(preferences[start : start + CHUNK]).cpu()
            trees.extend(map(BranchingTree.from_logits, logits))
    return trees


def cost_curve(model: ControllableNet, settings: SweepSettings) -> dict[str, Any]:
    """Cost over cost weights 0, .1, …, 1, and those that are swept.

    Args:
        model: Its edge hypernet is trained.
        settings: ``curve_preferences`` preferences are drawn with ``seed``.

    Returns:
        ``preferences`` and ``cost_weights``, and for ``share``, ``flops`` (multiply-adds) and ``params`` the ``mean``,
        ``p10`` and ``p90`` by cost weight.
    """
    drawn = settings.draw(model.tasks, settings.curve_preferences)
    cost_weights = sorted({*CURVE, *settings.cost_weights})
    trees = [predict_trees(model, [_with_cost(r, c) for r in drawn]) for c in cost_weights]
    complexity = model.complexity
    measures: dict[str, Callable[[BranchingTree], float]] = {
        "share": complexity.share,
        "flops": complexity.flops,
        "params": complexity.params,
    }
    curve: dict[str, Any] = {"preferences": len(drawn), "cost_weights": cost_weights}
    for name, measure in measures.items():
        known = {tree: float(measure(tree)) for row in trees for tree in row}
        values = np.array([[known[tree] for tree in row] for row in trees])
        low, high = np.percentile(values, (10, 90), axis=1)
        curve[name] = {"mean": values.mean(axis=1).tolist(), "p10": low.tolist(), "p90": high.tolist()}
    return curve


def simplex_shares(model: ControllableNet, cost_weights: Sequence[float]) -> dict[str, Any] | None:
    """Shares on a regular grid over the simplex of three tasks; None for other numbers of tasks."""
    if model.num_tasks != 3:
        return None
    grid = list(_grid(SIMPLEX_STEPS))
    asked = [[Preference(model.tasks, weights, c) for weights in grid] for c in cost_weights]
    shares = [[model.complexity.share(tree) for tree in predict_trees(model, row)] for row in asked]
    return {"weights": [list(weights) for weights in grid], "cost_weights": list(cost_weights), "share": shares}


def chosen_trees(model: ControllableNet, cost_weights: Sequence[float]) -> list[dict[str, Any]]:
    """Trees for equal weights and for each task at 0.8, at the smallest and the largest cost weight."""
    uniform = Preference.uniform(model.tasks)
    named: dict[str, Sequence[float]] = {"uniform": uniform.weights}
    rest = (1 - SKEWED) / max(model.num_tasks - 1, 1)
    for task in model.tasks if model.num_tasks > 1 else ():
        named[f"{task} {SKEWED:g}"] = [SKEWED if name == task else rest for name in model.tasks]
    found = []
    for name, weights in named.items():
        for c in sorted({cost_weights[0], cost_weights[-1]}):
            preference = Preference.parse(list(weights), cost_weight=c, tasks=model.tasks)
            tree = model.predict_tree(preference)
            entry = {"name": name, "weights": list(preference.weights), "cost_weight": c}
            found.append({**entry, **tree_costs(model, tree)})
    return found


def tree_costs(model: ControllableNet, tree: BranchingTree) -> dict[str, Any]:
    """A tree and what it costs: multiply-adds, parameters, controllable share, number of nodes."""
    return {
        "parents": [list(row) for row in tree.parents],
        "flops": model.complexity.flops(tree),
        "params": model.complexity.params(tree),
        "share": model.complexity.share(tree),
        "nodes_used": tree.num_used,
    }


def controller_size(model: ControllableNet, used: bool = True) -> Mapping[str, int]:
    """Parameters of the hypernets, 0 if they are not used, and of the anchor beside them."""
    edges, weights = (_params(model.edge_hypernet), _params(model.weight_hypernet)) if used else (0, 0)
    # What a static tree was searched with decides nothing any more.
    edges = edges if model.static_tree is None else 0
    return {
        "params": edges + weights,
        "edge_hypernet": edges,
        "weight_hypernet": weights,
        "anchor_params": model.complexity.params(model.anchor_tree),
    }


def _with_cost(preference: Preference, cost_weight: float) -> Preference:
    return Preference(preference.tasks, preference.weights, cost_weight)


def _grid(steps: int) -> Iterator[tuple[float, float, float]]:
    for i in range(steps + 1):
        for j in range(steps + 1 - i):
            yield i / steps, j / steps, (steps - i - j) / steps


def _params(module: nn.Module | None) -> int:
    return 0 if module is None else sum(parameter.numel() for parameter in module.parameters())
