"""The tables of the page."""

from __future__ import annotations

import math

import numpy as np

from mmdymu.evaluation.metric_info import metric_info

from .brackets import ordered_choices
from .html import Element, table
from .metric_values import known_main_metrics
from .record import SweepRecord
from .style import number
from .summary import CostWeightRow

__all__ = ["control_range_table", "controller_table", "runs_table", "single_task_table", "summary_table"]

FEW_TASKS = 5
"""With more tasks the hypervolume's N-th root stands beside it."""


def summary_table(sweep: SweepRecord) -> Element:
    """Means by cost weight, with the single-task nets as the last row."""
    rows = sweep.summary.by_cost_weight
    references = list(dict.fromkeys(name for row in rows for name in row.hypervolume))
    # Volumes in many dimensions span orders of magnitude; their roots can be read.
    roots = references if len(sweep.tasks) > FEW_TASKS and any(row.hypervolume_root for row in rows) else []
    choices = ordered_choices({name for row in rows for name in row.brackets})
    head = [
        "cost\nweight c",
        "mean\nshare s",
        "GFLOPs",
        "params\n[M]",
        *(f"hypervolume\n(ref. {float(name):g})" for name in references),
        *(f"its N-th root\n(ref. {float(name):g})" for name in roots),
        "uniformity",
        "mean\nrL",
        *(f"rL\n{choice}" for choice in choices),
        "Δm\n[%]",
    ]
    cells = [*(_summary_cells(row, references, roots, choices) for row in rows), _single_cells(sweep, head)]
    caption = "Means over the swept preferences, and the single-task nets"
    if choices:
        caption += f"; rL of {', '.join(choices)}: trees at equal share, running norm statistics, no weight hypernet"
    return table(caption, head, cells)


def _summary_cells(row: CostWeightRow, references: list[str], roots: list[str], choices: list[str]) -> list[str]:
    return [
        f"{row.cost_weight:g}",
        number(row.mean_share),
        number(row.mean_flops / 1e9),
        number(row.mean_params / 1e6, 2),
        *(_volume(row.hypervolume.get(name, math.nan)) for name in references),
        *(number(row.hypervolume_root.get(name, math.nan), 4) for name in roots),
        number(row.uniformity),
        number(row.weighted_loss, 4),
        *(number(row.brackets.get(choice, math.nan), 4) for choice in choices),
        number(row.delta_m, 2, sign=True),
    ]


def _single_cells(sweep: SweepRecord, head: list[str]) -> list[str]:
    """Cells of the single-task nets; what depends on a preference stays empty.

    Their normalised losses are 1, so they dominate the box from there to the reference point.
    """
    known = {
        "cost\nweight c": "single-task",
        "mean\nshare s": number(1.0),
        "GFLOPs": number(sweep.single.flops / 1e9),
        "params\n[M]": number(sweep.single.params / 1e6, 2),
        "mean\nrL": number(1.0, 4),
    }
    for point in sweep.header.references:
        side = max(point - 1, 0.0)
        known[f"hypervolume\n(ref. {point:g})"] = _volume(side ** len(sweep.tasks))
        known[f"its N-th root\n(ref. {point:g})"] = number(side, 4)
    return [known.get(title, "") for title in head]


def single_task_table(sweep: SweepRecord) -> Element:
    """Test losses and all metrics of the single-task nets."""
    rows = []
    for task, loss in zip(sweep.tasks, sweep.single.losses, strict=True):
        names = [name for name in sweep.single.metrics if name.rpartition("/")[0] == task]
        metrics = ", ".join(_metric_text(name, sweep.single.metrics[name]) for name in names)
        rows.append([task, number(loss, 4), metrics or "–"])
    return table("Single-task nets, to which everything is compared", ["task", "test loss", "metrics"], rows, (2,))


def control_range_table(sweep: SweepRecord) -> Element | None:
    """Lowest and highest normalised loss per task and cost weight; None if the summary has none."""
    ranges = {task: sweep.summary.control_range.get(task, ()) for task in sweep.tasks}
    if not any(ranges.values()):
        return None
    cost_weights = list(dict.fromkeys(part.cost_weight for parts in ranges.values() for part in parts))
    rows = []
    for task, parts in ranges.items():
        known = {part.cost_weight: part for part in parts}
        cells = [f"{number(known[c].lowest)} – {number(known[c].highest)}" if c in known else "–" for c in cost_weights]
        rows.append([task, *cells])
    head = ["task", *(f"c = {c:g}" for c in cost_weights)]
    return table("Control range: lowest and highest loss / single-task loss over the preferences", head, rows)


def controller_table(sweep: SweepRecord) -> Element | None:
    """Parameters of the hypernets beside the anchor net's; None if the summary has none."""
    sizes = sweep.summary.controller
    if not sizes:
        return None
    anchor = sizes.get("anchor_params", math.nan)
    names = {
        "params": "controller (all hypernets)",
        "edge_hypernet": "edge hypernet",
        "weight_hypernet": "weight hypernet",
        "anchor_params": "anchor net (N streams and heads)",
    }
    rows = [
        [names.get(key, key), f"{value:,.0f}", f"{number(100 * value / anchor, 2)} %" if anchor > 0 else "–"]
        for key, value in sizes.items()
    ]
    return table("Size of the controller", ["part", "parameters", "of the anchor net"], rows)


def runs_table(sweep: SweepRecord) -> Element:
    """Every run: preference, cost, normalised losses, main metrics."""
    metrics = list(known_main_metrics(sweep).values())
    head = [
        "run",
        "c",
        *(f"r\n{task}" for task in sweep.tasks),
        "share",
        "GFLOPs",
        "params\n[M]",
        "nodes",
        *(f"loss ratio\n{task}" for task in sweep.tasks),
        *(f"{name.rpartition('/')[0]}\n{_metric_label(name)}" for name in metrics),
        "Δm\n[%]",
    ]
    rows = [
        [
            str(run.index),
            f"{run.cost_weight:g}",
            *(number(weight) for weight in run.weights),
            number(run.share),
            number(run.flops / 1e9),
            number(run.params / 1e6, 2),
            number(run.nodes_used, 0),
            *(number(loss) for loss in losses),
            *(_four_digits(run.metrics.get(name, math.nan)) for name in metrics),
            number(run.delta_m, 2, sign=True),
        ]
        for run, losses in zip(sweep.runs, np.asarray(sweep.losses).tolist(), strict=True)
    ]
    return table("All runs; loss ratio = loss / single-task loss", head, rows)


def _metric_label(name: str) -> str:
    info = metric_info(name)
    return name.rpartition("/")[2] if info is None else info.title


def _metric_text(name: str, value: float) -> str:
    info = metric_info(name)
    if info is None:
        return f"{name.rpartition('/')[2]} {value:.4g}"
    return f"{info.label} {value:.4g}{'' if info.unit == '°' else ' '}{info.unit}".rstrip()


def _volume(value: float) -> str:
    """Volumes in 20 dimensions span many orders of magnitude."""
    usual = not math.isfinite(value) or value == 0 or 1e-2 <= abs(value) < 1e4
    return number(value, 4) if usual else f"{value:.4g}"


def _four_digits(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "–"
