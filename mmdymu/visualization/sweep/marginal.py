"""Marginal curves: a task's loss over its own weight, whatever the other weights are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from .record import SweepRecord
from .style import (
    MissingPartError,
    SeriesStyle,
    cost_label,
    dress,
    evenly_chosen,
    new_figure,
    outer_legend,
    panel_grid,
    series_styles,
    task_labels,
)
from .summary import MarginalCurve

__all__ = ["COST_WEIGHTS", "draw_marginal"]

COST_WEIGHTS = 5
"""More lines could not be told apart; the smallest and the largest cost weight are among them."""


def draw_marginal(sweep: SweepRecord) -> Figure:
    """Draw one panel per task: mean normalised loss by its own weight, one line per cost weight.

    Args:
        sweep: A finished sweep.

    Returns:
        The figure.

    Raises:
        MissingPartError: If the summary has no marginal curves.
    """
    drawn = [j for j, task in enumerate(sweep.tasks) if sweep.summary.marginal.get(task)]
    if not drawn:
        raise MissingPartError("the summary has no marginal curves")
    columns = min(len(drawn), 3 if len(drawn) <= 9 else 4)
    figure = new_figure(max(2.9 * columns, 6.2), 1.1 + 2.5 * -(-len(drawn) // columns))
    every = sweep.header.cost_weights
    shown = [every[i] for i in evenly_chosen(len(every), COST_WEIGHTS)]
    styles = dict(zip(shown, series_styles(len(shown)), strict=True))
    labels = task_labels(sweep.tasks)
    for axes, j in zip(panel_grid(figure, len(drawn), columns), drawn, strict=True):
        _draw_task(axes, sweep, j, styles)
        axes.set_title(labels[j], fontsize="medium")
    figure.supxlabel("own weight $r_j$ of the task", fontsize="medium")
    figure.supylabel("loss / single-task loss", fontsize="medium")
    # Below, it would cover the label that all panels share.
    outer_legend(figure, _handles(styles), side="upper")
    return figure


def _draw_task(axes: Axes, sweep: SweepRecord, task: int, styles: Mapping[float, SeriesStyle]) -> None:
    axes.axhline(1, color="0.4", linewidth=1, linestyle=(0, (1, 1)), zorder=1)
    for cost_weight, style in styles.items():
        chosen = np.isclose(sweep.cost_weights, cost_weight)
        axes.plot(
            sweep.weights[chosen, task],
            sweep.losses[chosen, task],
            linestyle="none",
            marker=style.marker,
            color=style.color,
            markersize=3,
            alpha=0.3,
        )
        for curve in sweep.summary.marginal[sweep.tasks[task]]:
            if np.isclose(curve.cost_weight, cost_weight):
                axes.plot(*_points(curve), **_line(style))
    largest = max(np.nanmax(sweep.weights[:, task]), 1e-3)
    axes.set_xlim(-0.04 * largest, 1.04 * largest)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    dress(axes)


def _points(curve: MarginalCurve) -> np.ndarray:
    """(2, bins) of the bins that are not empty."""
    points = np.array([curve.weight, curve.loss])
    return points[:, np.isfinite(points).all(axis=0)]


def _line(style: SeriesStyle) -> dict[str, Any]:
    return {
        "color": style.color,
        "marker": style.marker,
        "linestyle": style.linestyle,
        "markeredgecolor": "black",
        "markeredgewidth": 0.4,
        "markersize": 5.5,
        "linewidth": 1.6,
    }


def _handles(styles: Mapping[float, SeriesStyle]) -> list[Line2D]:
    handles = [Line2D([], [], label=cost_label(c), **_line(style)) for c, style in styles.items()]
    faint = Line2D([], [], linestyle="none", marker="o", color="0.6", markersize=3, label="single runs")
    equal = Line2D([], [], color="0.4", linewidth=1, linestyle=(0, (1, 1)), label="single-task net")
    return [*handles, faint, equal]
