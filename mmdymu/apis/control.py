"""Is the control real? Shares, losses and regrets of a trained controller on frames that it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmdymu.engine import Batch
from mmdymu.models import ControllableNet
from mmdymu.preference import Preference
from mmdymu.search.brackets import heuristic_tree, normalised_table, searched_trees
from mmdymu.search.path_losses import PathLosses
from mmdymu.search.path_table import build_path_table
from mmdymu.tree import BranchingTree

from .norm_comparison import compare_norms

RISE = 0.01
"""A share that grows by more than this from one cost weight to the next counts as a rise."""


@dataclass(frozen=True)
class ControlSettings:
    """What is measured.

    Attributes:
        preferences: Number of preferences, drawn uniformly from the simplex.
        cost_weights: Values of c, ascending.
        seed: Of the drawn preferences.
        oracle_images: Test images for the oracle's path table; 0 leaves oracle and search out.
        adapted_preferences: Preferences for which the weight hypernet and the norm statistics are compared; 0 leaves
            that out.
    """

    preferences: int = 200
    cost_weights: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    seed: int = 0
    oracle_images: int = 32
    adapted_preferences: int = 6


def measure_control(
    model: ControllableNet,
    test: Sequence[Batch],
    training: Sequence[Batch],
    settings: ControlSettings | None = None,
) -> dict[str, Any]:
    """Measures a trained controller.

    Words: share s, oracle and heuristic as in docs/control.md. Losses are divided by those of the single-task nets
    on the same frames; rL = Σ_i r_i L_i / L_i(single).

    Args:
        model: Trained through all stages; its norm statistics setting is left at ``running``.
        test: Frames that no stage saw.
        training: Training frames, to calibrate norm statistics.
        settings: What is measured.

    Returns:
        Numbers by name, nested, ready for JSON.
    """
    settings = settings or ControlSettings()
    model.eval()
    model.set_norm_statistics("running")
    rng = np.random.default_rng(settings.seed)
    drawn = [Preference.sample(model.tasks, rng, cost_weight=0.0) for _ in range(settings.preferences)]
    trees = [[_tree(model, r.weights, c) for c in settings.cost_weights] for r in drawn]
    losses = PathLosses(model, [(batch.inputs, batch.data_samples) for batch in test])
    losses.measure([model.anchor_tree, *{tree for row in trees for tree in row}])
    compared = drawn[: settings.adapted_preferences]
    weights = np.array([preference.weights for preference in drawn])
    shares = np.array([[model.complexity.share(tree) for tree in row] for row in trees])
    return {
        "tasks": list(model.tasks),
        "single_task_losses": losses(model.anchor_tree).tolist(),
        "distinct_trees": len({tree for row in trees for tree in row}),
        "shares": _share_numbers(shares, settings.cost_weights),
        "corners": _corners(model, settings.cost_weights),
        "own_weight": _own_weight(model, losses, settings.cost_weights),
        "brackets": _brackets(model, losses, weights, shares, trees, _oracle_table(model, test, settings)),
        "norms": compare_norms(model, test, training, compared) if compared else {},
    }


def _tree(model: ControllableNet, weights: Sequence[float], cost_weight: float) -> BranchingTree:
    return model.predict_tree(Preference.parse(weights, cost_weight=cost_weight, tasks=model.tasks))


def _share_numbers(shares: np.ndarray, cost_weights: Sequence[float]) -> dict[str, Any]:
    means = shares.mean(axis=0)
    return {
        "mean_by_cost_weight": dict(zip(map(str, cost_weights), means.tolist(), strict=True)),
        "range": float(means[0] - means[-1]),
        "rising_preferences": float((np.diff(shares, axis=1) > RISE).any(axis=1).mean()),
    }


def _skewed(count: int, task: int, weight: float) -> list[float]:
    rest = (1 - weight) / max(count - 1, 1)
    return [weight if index == task else rest for index in range(count)]


def _corners(model: ControllableNet, cost_weights: Sequence[float]) -> dict[str, list[float]]:
    """Shares at r_j = .98, for the smallest and the largest cost weight."""
    ends = (cost_weights[0], cost_weights[-1])
    return {
        task: [model.complexity.share(_tree(model, _skewed(model.num_tasks, j, 0.98), c)) for c in ends]
        for j, task in enumerate(model.tasks)
    }


def _own_weight(
    model: ControllableNet, losses: PathLosses, cost_weights: Sequence[float]
) -> dict[str, dict[str, list[float]]]:
    """Each task's normalised loss at r_j = .8 and at r_j = .1."""
    single = losses(model.anchor_tree)
    ends = (cost_weights[0], cost_weights[-1])
    return {
        task: {
            str(c): [
                float(losses(_tree(model, _skewed(model.num_tasks, j, weight), c))[j] / single[j])
                for weight in (0.8, 0.1)
            ]
            for c in ends
        }
        for j, task in enumerate(model.tasks)
    }


def _oracle_table(model: ControllableNet, test: Sequence[Batch], settings: ControlSettings) -> np.ndarray | None:
    """Normalised path table of test frames; None where it would be too large or is not wanted."""
    if not (model.path_losses.numel() and settings.oracle_images):
        return None
    inputs = torch.cat([batch.inputs for batch in test])
    samples = [sample for batch in test for sample in batch.data_samples]
    chosen = np.linspace(0, len(inputs) - 1, min(settings.oracle_images, len(inputs))).round().astype(int).tolist()
    table = build_path_table(model, inputs[chosen], [samples[i] for i in chosen])
    return normalised_table(table)


def _brackets(
    model: ControllableNet,
    losses: PathLosses,
    weights: np.ndarray,
    shares: np.ndarray,
    trees: Sequence[Sequence[BranchingTree]],
    oracle_table: np.ndarray | None,
) -> dict[str, Any]:
    """Mean rL at the controller's own shares: controller, heuristic, oracle, and a search on the training table."""
    choices: dict[str, list[list[BranchingTree]]] = {"controller": [list(row) for row in trees]}
    choices["heuristic"] = [[heuristic_tree(model, r, s) for s in row] for r, row in zip(weights, shares, strict=True)]
    if oracle_table is not None:
        choices["oracle"] = searched_trees(model, oracle_table, weights.tolist(), shares.tolist(), "oracle trees")
        if torch.isfinite(model.path_losses).all():
            training_table = normalised_table(model.path_losses)
            choices["search"] = searched_trees(
                model, training_table, weights.tolist(), shares.tolist(), "searched trees"
            )
    losses.measure({tree for rows in choices.values() for row in rows for tree in row})
    single = losses(model.anchor_tree)
    means = {}
    for name, rows in choices.items():
        weighted = np.array(
            [[r @ (losses(tree) / single) for tree in row] for r, row in zip(weights, rows, strict=True)]
        )
        means[name] = {"mean": float(weighted.mean()), "by_cost_weight": weighted.mean(axis=0).tolist()}
    return means


def summary(report: Mapping[str, Any]) -> str:
    """A report in words and numbers, for a terminal."""
    shares, brackets, norms = report["shares"], report["brackets"], report["norms"]
    lines = [
        "mean controllable share s by cost weight: "
        + ", ".join(f"c={c}: {s:.3f}" for c, s in shares["mean_by_cost_weight"].items()),
        f"range {shares['range']:.3f}; preferences with a rise above {RISE}: {shares['rising_preferences']:.1%}; "
        f"distinct trees {report['distinct_trees']}",
        "share at r_j = .98 (smallest and largest c): "
        + ", ".join(f"{task} {a:.3f} {b:.3f}" for task, (a, b) in report["corners"].items()),
    ]
    for task, ends in report["own_weight"].items():
        parts = [f"c={c}: {high:.3f} at r=.8, {low:.3f} at r=.1" for c, (high, low) in ends.items()]
        lines.append(f"normalised loss of {task}: " + "; ".join(parts))
    lines.append(
        "mean rL at equal share: " + ", ".join(f"{name} {part['mean']:.4f}" for name, part in brackets.items())
    )
    if norms:
        values = ", ".join(f"{name} {value:.4f}" for name, value in norms.items() if "gain" not in name)
        lines.append(f"mean rL by norm statistics: {values}")
    for statistics, gain in norms.get("weight_hypernet_gain", {}).items():
        lines.append(
            f"weight hypernet, {statistics} statistics: lowers rL by {gain['mean']:.4f} on the same trees, in "
            f"{gain['lowered']:.0%} of them"
        )
    return "\n".join(lines)
