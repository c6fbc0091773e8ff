"""Trade-off curves: one task against another over all runs."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .front import competing_pairs, non_dominated
from .metric_values import TaskValues, loss_values, metric_values
from .record import SweepRecord
from .style import (
    MissingPartError,
    SeriesStyle,
    cost_label,
    dress,
    new_figure,
    outer_legend,
    panel_grid,
    series_styles,
    task_labels,
)

__all__ = ["PAIRS", "draw_tradeoff", "tradeoff_pairs"]

PAIRS = 6
"""More pairs would not be looked at."""

COLUMNS = 3
SPREAD = 8
"""Values that differ by more than this factor are drawn on a logarithmic axis."""

Measure = Literal["loss", "metric"]


def tradeoff_pairs(sweep: SweepRecord, measure: Measure = "loss") -> list[tuple[str, str]]:
    """Pairs of tasks that are drawn: all, or the ``PAIRS`` that compete most.

    Args:
        sweep: A finished sweep.
        measure: Normalised losses, or each task's main metric.

    Returns:
        Names of the two tasks, in task order.

    Raises:
        MissingPartError: If there are not two tasks with values.
    """
    values = _values(sweep, measure)
    names = list(values)
    costs = np.stack([-v.runs if v.higher_is_better else v.runs for v in values.values()], axis=1)
    return [(names[i], names[j]) for i, j in competing_pairs(costs, PAIRS)]


def draw_tradeoff(sweep: SweepRecord, measure: Measure = "loss") -> Figure:
    """Draw one panel per pair: the runs by cost weight, the non-dominated front, the single-task nets.

    Args:
        sweep: A finished sweep.
        measure: Normalised losses, or each task's main metric.

    Returns:
        The figure.

    Raises:
        MissingPartError: If there are not two tasks with values.
    """
    values = _values(sweep, measure)
    pairs = tradeoff_pairs(sweep, measure)
    columns = min(COLUMNS, len(pairs))
    width = 6.2 if columns == 1 else 3.6 * columns
    figure = new_figure(width, 0.9 + (4.4 if columns == 1 else 3.3) * -(-len(pairs) // columns))
    styles = series_styles(len(sweep.header.cost_weights))
    labels = dict(zip(sweep.tasks, task_labels(sweep.tasks), strict=True))
    for axes, (first, second) in zip(panel_grid(figure, len(pairs), columns), pairs, strict=True):
        _draw_pair(axes, sweep, (values[first], values[second]), styles)
        axes.set_xlabel(_axis_label(labels[first], values[first]), fontsize="small")
        axes.set_ylabel(_axis_label(labels[second], values[second]), fontsize="small")
    outer_legend(figure, _handles(sweep, styles))
    return figure


def _values(sweep: SweepRecord, measure: Measure) -> dict[str, TaskValues]:
    values = loss_values(sweep) if measure == "loss" else metric_values(sweep)
    if len(values) < 2:
        what = "losses" if measure == "loss" else "a metric whose direction is known"
        raise MissingPartError(f"fewer than two tasks have {what} in both the runs and the single-task nets")
    return values


def _draw_pair(axes: Axes, sweep: SweepRecord, pair: tuple[TaskValues, TaskValues], styles: list[SeriesStyle]) -> None:
    x, y = pair
    points = np.stack([x.runs, y.runs], axis=1)
    for cost_weight, style in zip(sweep.header.cost_weights, styles, strict=True):
        chosen = np.isclose(sweep.cost_weights, cost_weight)
        axes.plot(*points[chosen].T, linestyle="none", marker=style.marker, **_marker(style))
    front = points[non_dominated(points, (x.higher_is_better, y.higher_is_better))]
    front = front[np.argsort(front[:, 0])]
    # The corner of a step is the point that is still reached: right of it for costs, left of it for scores.
    steps = "steps-pre" if x.higher_is_better else "steps-post"
    axes.plot(*front.T, color="black", linewidth=1, linestyle="--", drawstyle=steps, zorder=1.5)
    axes.plot(x.single, y.single, marker="*", color="white", markeredgecolor="black", markersize=13, zorder=3)
    dress(axes)
    if _is_wide(x):
        axes.set_xscale("log")
        _number_ticks(axes.xaxis)
    if _is_wide(y):
        axes.set_yscale("log")
        _number_ticks(axes.yaxis)


def _is_wide(values: TaskValues) -> bool:
    known = values.runs[np.isfinite(values.runs)]
    return known.min() > 0 and known.max() / known.min() > SPREAD


def _number_ticks(axis: Axis) -> None:
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _marker(style: SeriesStyle) -> dict[str, Any]:
    return {"color": style.color, "markeredgecolor": "black", "markeredgewidth": 0.4, "markersize": 5.5, "alpha": 0.85}


def _axis_label(task: str, values: TaskValues) -> str:
    return f"{task}: {values.label}\n({'higher' if values.higher_is_better else 'lower'} is better)"


def _handles(sweep: SweepRecord, styles: list[SeriesStyle]) -> list[Line2D]:
    handles = [
        Line2D([], [], linestyle="none", marker=style.marker, label=cost_label(c), **_marker(style))
        for c, style in zip(sweep.header.cost_weights, styles, strict=True)
    ]
    front = Line2D([], [], color="black", linewidth=1, linestyle="--", label="not dominated")
    star: dict[str, Any] = {
        "marker": "*",
        "color": "white",
        "markeredgecolor": "black",
        "markersize": 11,
        "linestyle": "none",
    }
    return [*handles, front, Line2D([], [], label="single-task nets", **star)]
