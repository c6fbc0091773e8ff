"""Weighted loss at equal share: the controller between its opponents."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .record import SweepRecord
from .style import MissingPartError, SeriesStyle, dress, new_figure, number, outer_legend, series_styles

__all__ = ["CHOICES", "bracket_differences", "draw_brackets", "ordered_choices"]

CHOICES = ("controller", "heuristic", "search", "oracle")
"""In this order; others that a sweep may have come behind."""

REFERENCE = "controller"


def bracket_differences(sweep: SweepRecord) -> dict[str, dict[float, np.ndarray]]:
    """Compare rL = sum of r_i L_i / L_i(single) with the controller's, run by run.

    Args:
        sweep: A finished sweep.

    Returns:
        By choice and by cost weight: (runs,) rL of the choice minus rL of the controller for the same preference, in
        the order of the runs. Runs without both are left out.
    """
    runs = {run.index: run for run in sweep.runs}
    losses = sweep.normalised([bracket.losses for bracket in sweep.brackets])
    weighted = {
        (bracket.choice, bracket.index): float(np.dot(runs[bracket.index].weights, row))
        for bracket, row in zip(sweep.brackets, losses, strict=True)
    }
    differences: dict[str, dict[float, np.ndarray]] = {}
    for choice in ordered_choices({bracket.choice for bracket in sweep.brackets} - {REFERENCE}):
        by_cost_weight = {}
        for cost_weight in sweep.header.cost_weights:
            pairs = [
                weighted[choice, run.index] - weighted[REFERENCE, run.index]
                for run in sweep.runs
                if np.isclose(run.cost_weight, cost_weight)
                and {(choice, run.index), (REFERENCE, run.index)} <= set(weighted)
            ]
            by_cost_weight[cost_weight] = np.array([pair for pair in pairs if np.isfinite(pair)])
        differences[choice] = by_cost_weight
    return differences


def draw_brackets(sweep: SweepRecord) -> Figure:
    """Draw mean rL by cost weight for every way to choose a tree, and the differences to the controller.

    Args:
        sweep: A finished sweep.

    Returns:
        The figure; its second panel is there if the sweep has the single trees.

    Raises:
        MissingPartError: If the summary has no brackets.
    """
    rows = sweep.summary.by_cost_weight
    choices = ordered_choices({choice for row in rows for choice in row.brackets})
    if not set(choices) - {REFERENCE}:
        raise MissingPartError("the summary compares no trees at equal share")
    styles = dict(zip(choices, series_styles(len(choices)), strict=True))
    differences = {
        choice: part
        for choice, part in bracket_differences(sweep).items()
        if choice in styles and any(len(values) for values in part.values())
    }
    figure = new_figure(10.5 if differences else 5.8, 4.2)
    panels = figure.subplots(1, 2 if differences else 1, squeeze=False)[0]
    for choice, style in styles.items():
        means = [row.brackets.get(choice, np.nan) for row in rows]
        panels[0].plot(range(len(rows)), means, label=choice, **_line(style))
    panels[0].set_ylabel("mean rL (single-task nets = 1, lower is better)", fontsize="small")
    _cost_ticks(panels[0], sweep)
    if differences:
        _draw_differences(panels[1], sweep, differences, styles)
    outer_legend(figure, panels[0].get_lines())
    return figure


def _draw_differences(
    axes: Axes, sweep: SweepRecord, differences: dict[str, dict[float, np.ndarray]], styles: dict[str, SeriesStyle]
) -> None:
    places = [row.cost_weight for row in sweep.summary.by_cost_weight]
    axes.axhline(0, color="black", linewidth=1)
    for offset, (choice, by_cost_weight) in zip(_offsets(len(differences)), differences.items(), strict=True):
        for place, cost_weight in enumerate(places):
            values = next((v for c, v in by_cost_weight.items() if np.isclose(c, cost_weight)), np.array([]))
            if not len(values):
                continue
            low, high = np.percentile(values, [10, 90])
            x, style = place + offset, styles[choice]
            axes.plot([x, x], [low, high], color=style.color, linewidth=1.8, linestyle="-")
            axes.plot(x, values.mean(), **{**_line(style), "linestyle": "none"})
    axes.set_ylabel("rL minus the controller's\n(mean and 10-90 % of the preferences)", fontsize="small")
    _cost_ticks(axes, sweep)


def _cost_ticks(axes: Axes, sweep: SweepRecord) -> None:
    rows = sweep.summary.by_cost_weight
    small = len(rows) > 6
    c, s = ("", "") if small else ("c = ", "s = ")
    labels = [f"{c}{row.cost_weight:g}\n{s}{number(row.mean_share, 2)}" for row in rows]
    axes.set_xticks(range(len(rows)), labels)
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.set_xlabel("cost weight c, below it the mean share s", fontsize="small")
    dress(axes)
    axes.tick_params(axis="x", labelsize="x-small" if small else "small")


def _offsets(count: int) -> np.ndarray:
    return (np.arange(count) - (count - 1) / 2) * 0.18


def ordered_choices(choices: set[str]) -> list[str]:
    """Sort ways to choose a tree: the known ones as in ``CHOICES``, then the others by name."""
    return [choice for choice in CHOICES if choice in choices] + sorted(choices - set(CHOICES))


def _line(style: SeriesStyle) -> dict[str, Any]:
    marker = {"marker": style.marker, "markersize": 6, "markeredgecolor": "black", "markeredgewidth": 0.4}
    return {"color": style.color, "linestyle": style.linestyle, "linewidth": 1.6, **marker}
