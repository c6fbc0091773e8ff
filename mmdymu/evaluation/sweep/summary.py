"""The numbers of a whole sweep, from its lines."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from mmdymu.models import ControllableNet

from ..functional import hypervolume, uniformity
from ..metric_info import main_metrics
from .costs import chosen_trees, controller_size, cost_curve, simplex_shares
from .settings import SweepSettings
from .sweep_file import SweepFile

__all__ = ["flat_summary", "summarize_sweep", "sweep_summary"]

BINS = 5
"""Bins of a task's own weight in the marginal curves, of about equal numbers of preferences."""

# Logged names, and those of the summary. mmengine averages whatever has "loss" in its name over many validations.
SCALARS = {"hypervolume": "hypervolume", "uniformity": "uniformity", "rL": "weighted_loss", "mean_share": "mean_share"}
DELTA = "multi_task/delta_m"

Line = Mapping[str, Any]
Floats = NDArray[np.float64]


def summarize_sweep(header: Line, single: Line, runs: Sequence[Line], brackets: Sequence[Line]) -> dict[str, Any]:
    """What a sweep says as a whole.

    Losses are divided by those of the single-task nets. Per cost weight or budget: mean share, multiply-adds and
    parameters; the hypervolume of the loss vectors for each reference point, and its N-th root, comparable over numbers
    of tasks; the mean uniformity; the mean weighted loss rL = Σ r_i L_i / L_i(single) as tested, and under running norm
    statistics, at the same share, of the controller and of its rivals; the mean Δm; each task's mean loss, and its main
    metric's mean. Then for each task its mean loss over its own weight, and its range.

    Args:
        header: The sweep's header.
        single: The single-task nets' line.
        runs: Lines of the tests.
        brackets: Lines of the trees that are compared.

    Returns:
        ``by_cost_weight`` (or ``by_budget``, with the mean part of the budget that is used and the largest gap of
        the searches), ``marginal`` and ``control_range``, ready for JSON.
    """
    base = _floats(single["losses"])
    unlabelled = [task for task, loss in zip(header["tasks"], base, strict=True) if math.isnan(loss)]
    if unlabelled:
        text = f"tasks {unlabelled} have no label in the test images: numbers over all tasks are not known"
        print_log(text, "current", logging.WARNING)
    name, values = ("budget", header["budgets"]) if "budgets" in header else ("cost_weight", header["cost_weights"])
    groups = [_Group({name: value}, [line for line in runs if line[name] == value], base) for value in values]
    return {
        f"by_{name}": [group.row(header["tasks"], header["references"], brackets) for group in groups],
        "marginal": {
            task: [{**group.saving, "bins": group.bins(number)} for group in groups]
            for number, task in enumerate(header["tasks"])
        },
        "control_range": {
            task: [group.range_of(number) for group in groups] for number, task in enumerate(header["tasks"])
        },
    }


class _Group:
    """The tests of one cost weight or budget, which ``saving`` names."""

    def __init__(self, saving: Mapping[str, Any], lines: Sequence[Line], base: Floats) -> None:
        self.saving, self.lines, self.base = saving, lines, base
        self.weights = np.array([_floats(line["weights"]) for line in lines])
        self.losses = np.array([_floats(line["losses"]) for line in lines]) / base

    def row(self, tasks: Sequence[str], references: Sequence[float], brackets: Sequence[Line]) -> dict[str, Any]:
        """What the tests say as a whole."""
        costs = ("share", "flops", "params")
        metrics = main_metrics(self.lines[0]["metrics"]).values()
        return {
            **self.saving,
            **self.searches(),
            **{f"mean_{name}": float(np.mean([line[name] for line in self.lines])) for name in costs},
            **_volumes(self.losses, references),
            "uniformity": _mean_uniformity(self.weights, self.losses),
            "weighted_loss": float((self.weights * self.losses).sum(axis=1).mean()),
            "brackets": self.weighted_rivals(brackets),
            "delta_m": _mean([line["delta_m"] for line in self.lines]),
            "losses": dict(zip(tasks, self.losses.mean(axis=0).tolist(), strict=True)),
            "metrics": {name: _mean([line["metrics"][name] for line in self.lines]) for name in metrics},
        }

    def searches(self) -> dict[str, float]:
        """How much of a budget the trees use, and how far from the best they can be; empty for a cost weight."""
        if "budget" not in self.saving:
            return {}
        (limit,) = self.saving["budget"].values()
        found = [line["search"] for line in self.lines]
        used = float(np.mean([search["cost"] / limit for search in found]))
        return {"mean_used": used, "largest_gap": max(search["gap"] for search in found)}

    def weighted_rivals(self, brackets: Sequence[Line]) -> dict[str, float]:
        """Mean rL by choice."""
        weights = {line["index"]: r for line, r in zip(self.lines, self.weights, strict=True)}
        values: dict[str, list[float]] = {}
        for line in brackets:
            if line["index"] in weights:
                weighted = float(weights[line["index"]] @ (_floats(line["losses"]) / self.base))
                values.setdefault(line["choice"], []).append(weighted)
        return {choice: float(np.mean(found)) for choice, found in values.items()}

    def range_of(self, task: int) -> dict[str, Any]:
        """Least and largest loss of a task."""
        losses = self.losses[:, task]
        return {**self.saving, "lowest": float(losses.min()), "highest": float(losses.max())}

    def bins(self, task: int) -> list[dict[str, float]]:
        """Means over preferences of similar weight of a task: the other weights are averaged out."""
        own, losses = self.weights[:, task], self.losses[:, task]
        parts = np.array_split(np.argsort(own, kind="stable"), min(BINS, len(own)))
        return [
            {"weight": float(own[part].mean()), "loss": float(losses[part].mean()), "count": len(part)}
            for part in parts
        ]


def flat_summary(summary: Mapping[str, Any]) -> dict[str, float]:
    """The scalars of a summary for a log.

    Args:
        summary: From :func:`summarize_sweep`, also as read from JSON.

    Returns:
        ``sweep/hypervolume_c0`` (for the first reference), ``sweep/uniformity_c0``, ``sweep/rL_c0``,
        ``sweep/mean_share_c0``, … for every cost weight (with budgets, names end in ``_flops1.2e+08`` and the like),
        and the mean Δm as ``multi_task/delta_m``; NaN if not known.
    """
    scalars, rows = {}, summary.get("by_cost_weight") or summary["by_budget"]
    for row in rows:
        values = {**row, "hypervolume": next(iter(row["hypervolume"].values()))}
        for name, entry in SCALARS.items():
            scalars[_scalar(name, row)] = math.nan if values[entry] is None else values[entry]
    return {**scalars, DELTA: _mean([row["delta_m"] for row in rows])}


def _scalar(name: str, row: Mapping[str, Any]) -> str:
    saving = row.get("budget") or {"c": row["cost_weight"]}
    return f"sweep/{name}" + "".join(f"_{kind}{value:g}" for kind, value in saving.items())


def sweep_summary(model: ControllableNet, settings: SweepSettings, file: SweepFile) -> dict[str, Any]:
    """All that ``summary.json`` holds.

    Args:
        model: Its hypernets tell costs and trees under more preferences than were tested.
        settings: What was measured.
        file: A finished sweep's.

    Returns:
        :func:`summarize_sweep`, and header, single-task nets and the controller's size; of a sweep of a controller
        over cost weights also cost curve, shares over the simplex and chosen trees.
    """
    single = file.of_kind("single")[0]
    summary = {
        "header": file.header,
        "single": single,
        **summarize_sweep(file.header, single, file.of_kind("run"), file.of_kind("bracket")),
        "controller": controller_size(model, used=not file.header.get("run_anchor")),
    }
    if settings.budgets or file.header.get("run_anchor"):
        return summary
    return {
        **summary,
        "cost_curve": cost_curve(model, settings),
        "simplex": simplex_shares(model, settings.cost_weights),
        "trees": chosen_trees(model, settings.cost_weights),
    }


def _volumes(losses: Floats, references: Sequence[float]) -> dict[str, Any]:
    count = losses.shape[1]
    known = bool(np.isfinite(losses).all())
    volumes = {str(p): hypervolume(losses, [p] * count) if known else math.nan for p in references}
    return {"hypervolume": volumes, "hypervolume_root": {p: value ** (1 / count) for p, value in volumes.items()}}


def _mean_uniformity(weights: Floats, losses: Floats) -> float:
    if not np.isfinite(losses).all():
        return math.nan
    return float(np.mean([uniformity(r, row) for r, row in zip(weights, losses, strict=True)]))


def _mean(values: Sequence[float | None]) -> float:
    """NaN if one is not known."""
    return float(_floats(values).mean())


def _floats(values: Sequence[float | None]) -> Floats:
    """Numbers read from JSON, where None stands for NaN."""
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)
