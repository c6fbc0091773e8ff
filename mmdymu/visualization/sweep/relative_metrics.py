"""Metrics relative to the single-task nets: a radar, or bars for two tasks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .metric_values import metric_values, relative
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
    plain,
    series_styles,
    task_labels,
)

__all__ = ["ChosenPreference", "chosen_preferences", "draw_relative_metrics"]

PREFERENCES = 4
COST_WEIGHTS = 4
MANY_TASKS = 8
HIGHEST = 4.6
"""Height of a radar with its names, in inches."""

RING = 0.05
"""Radii end at multiples of this ratio."""


@dataclass(frozen=True)
class ChosenPreference:
    """A preference of the sweep that stands for its kind."""

    name: str
    weights: tuple[float, ...]


def chosen_preferences(sweep: SweepRecord) -> list[ChosenPreference]:
    """Choose the most even preference, and the most skewed ones, each for another task.

    Args:
        sweep: A finished sweep.

    Returns:
        One to ``PREFERENCES`` different preferences.
    """
    known = list(dict.fromkeys(run.weights for run in sweep.runs))
    even = min(known, key=max)
    skewed: dict[int, tuple[float, ...]] = {}
    for weights in sorted(known, key=max, reverse=True):
        if weights != even:
            skewed.setdefault(int(np.argmax(weights)), weights)
    labels = task_labels(sweep.tasks)
    chosen = [ChosenPreference(f"most even (largest weight {max(even):.2f})", even)]
    for task, weights in list(skewed.items())[: PREFERENCES - 1]:
        chosen.append(ChosenPreference(f"most skewed: {labels[task]} {weights[task]:.2f}", weights))
    return chosen


def draw_relative_metrics(sweep: SweepRecord) -> Figure:
    """Draw each task's main metric over the single-task net's: 1 is equal, more is better.

    Args:
        sweep: A finished sweep.

    Returns:
        The figure: radars for three tasks or more, bars for fewer.

    Raises:
        MissingPartError: If no task has a metric in the runs and in the single-task nets.
    """
    values = metric_values(sweep)
    ratios = {task: relative(part) for task, part in values.items()}
    tasks = [task for task, ratio in ratios.items() if np.isfinite(ratio).any()]
    if not tasks:
        raise MissingPartError(
            "no task has a metric whose direction is known in both the runs and the single-task nets"
        )
    table = np.stack([ratios[task] for task in tasks], axis=1)
    names = dict(zip(sweep.tasks, task_labels(sweep.tasks), strict=True))
    labels = [f"{names[task]}\n{_without_unit(values[task].label)}" for task in tasks]
    if len(tasks) < 3:
        return _draw_bars(sweep, table, labels)
    return _draw_radars(sweep, table, [names[task] for task in tasks] if len(tasks) > MANY_TASKS else labels)


def _without_unit(label: str) -> str:
    return plain(label.split(" [", maxsplit=1)[0])


def _draw_radars(sweep: SweepRecord, table: np.ndarray, labels: list[str]) -> Figure:
    chosen = chosen_preferences(sweep)
    columns = min(len(chosen), 2)
    # Names stand left and right of a circle that must stay large enough for its numbers.
    size = 2.7 + 0.14 * max(len(line) for label in labels for line in label.split("\n"))
    figure = new_figure(max(size * columns, 5.5), min(size, HIGHEST) * -(-len(chosen) // columns) + 0.6)
    angles = np.linspace(0, 2 * math.pi, len(labels), endpoint=False)
    panels = panel_grid(figure, len(chosen), columns, subplot_kw={"projection": "polar"})
    shown = _shown_rows(sweep, chosen)
    low, high = _limits(table[[row for rows in shown for row, _ in rows]])
    for axes, preference, rows in zip(panels, chosen, shown, strict=True):
        _draw_frame(axes, angles, labels, (low, high))
        for row, style in rows:
            _draw_ring(axes, angles, table[row], style)
        axes.set_title(preference.name, fontsize="medium", pad=30)
    _legend(figure, sweep, patches=False)
    return figure


def _shown_rows(sweep: SweepRecord, chosen: list[ChosenPreference]) -> list[list[tuple[int, SeriesStyle]]]:
    """Per preference its runs at the shown cost weights, with their styles."""
    shown = []
    for preference in chosen:
        rows = []
        for cost_weight, style in _shown_cost_weights(sweep):
            for row, run in enumerate(sweep.runs):
                if run.weights == preference.weights and math.isclose(run.cost_weight, cost_weight):
                    rows.append((row, style))
        shown.append(rows)
    return shown


def _shown_cost_weights(sweep: SweepRecord) -> list[tuple[float, SeriesStyle]]:
    every = sweep.header.cost_weights
    shown = [every[i] for i in evenly_chosen(len(every), COST_WEIGHTS)]
    return list(zip(shown, series_styles(len(shown)), strict=True))


def _limits(table: np.ndarray) -> tuple[float, float]:
    """Radii of the centre and of the rim: around all values and 1, with a margin."""
    low, high = min(np.nanmin(table), 1.0), max(np.nanmax(table), 1.0)
    margin = max(RING, 0.1 * (high - low))
    return max(0.0, math.floor((low - margin) / RING) * RING), math.ceil((high + margin / 2) / RING) * RING


def _draw_frame(axes: Axes, angles: np.ndarray, labels: list[str], limits: tuple[float, float]) -> None:
    low, high = limits
    axes.set_theta_offset(math.pi / 2)  # type: ignore[attr-defined]  # these axes are polar
    axes.set_ylim(low, high)
    axes.set_xticks(angles, [""] * len(angles))
    _draw_ring_numbers(axes, angles, limits)
    axes.grid(alpha=0.35)
    circle = np.linspace(0, 2 * math.pi, 200)
    axes.plot(circle, np.ones_like(circle), color="black", linewidth=1.2, linestyle=(0, (1, 1)), zorder=2)
    for angle, label in zip(angles, labels, strict=True):
        x, y = -math.sin(angle), math.cos(angle)
        side = "center" if abs(x) < 0.2 else ("left" if x > 0 else "right")
        height = "center" if abs(y) < 0.5 and side != "center" else ("bottom" if y > 0 else "top")
        turned = len(labels) > MANY_TASKS
        axes.annotate(
            label,
            (angle, high),
            xytext=(6 * x, 6 * y),
            textcoords="offset points",
            ha=side,
            va=height,
            fontsize="x-small" if turned else "small",
            annotation_clip=False,
        )


def _draw_ring_numbers(axes: Axes, angles: np.ndarray, limits: tuple[float, float]) -> None:
    low, high = limits
    rings = [ring for ring in np.linspace(low, high, 5)[1:-1] if abs(ring - 1) > 0.15 * (high - low)]
    rings = sorted([*rings, 1.0])
    axes.set_yticks(rings, [""] * len(rings))
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.6}
    for ring in rings:
        # Between two spokes, where no value is drawn.
        axes.text(angles[1] / 2, ring, f"{ring:.2f}", fontsize=7, ha="center", va="center", bbox=paper, zorder=5)


def _draw_ring(axes: Axes, angles: np.ndarray, ratios: np.ndarray, style: SeriesStyle) -> None:
    closed = np.append(angles, angles[0])
    axes.plot(closed, np.append(ratios, ratios[0]), **_line(style))


def _draw_bars(sweep: SweepRecord, table: np.ndarray, labels: list[str]) -> Figure:
    chosen = chosen_preferences(sweep)
    figure = new_figure(max(2.9 * len(chosen), 5.5), 3.7)
    panels = figure.subplots(1, len(chosen), sharey=True, squeeze=False)[0]
    for axes, preference, rows in zip(panels, chosen, _shown_rows(sweep, chosen), strict=True):
        for place, (row, style) in enumerate(rows):
            width = 0.8 / len(rows)
            left = np.arange(len(labels)) - 0.4 + (place + 0.5) * width
            axes.bar(left, table[row] - 1, width, bottom=1, **_bar(style))
        axes.axhline(1, color="black", linewidth=1.2)
        axes.set_xticks(range(len(labels)), labels, fontsize="small")
        axes.set_title(preference.name, fontsize="small")
        dress(axes)
    panels[0].set_ylabel("metric relative to the single-task net\n(1 = equal, above is better)", fontsize="small")
    _legend(figure, sweep, patches=True)
    return figure


def _line(style: SeriesStyle) -> dict[str, Any]:
    marker = {"marker": style.marker, "markersize": 5, "markeredgecolor": "black", "markeredgewidth": 0.4}
    return {"color": style.color, "linestyle": style.linestyle, "linewidth": 1.6, **marker}


def _bar(style: SeriesStyle) -> dict[str, Any]:
    return {"facecolor": style.color, "hatch": style.hatch, "edgecolor": "white", "linewidth": 0.5}


def _legend(figure: Figure, sweep: SweepRecord, patches: bool) -> None:
    handles: list[Line2D | Patch] = []
    for cost_weight, style in _shown_cost_weights(sweep):
        label = cost_label(cost_weight)
        handles.append(Patch(label=label, **_bar(style)) if patches else Line2D([], [], label=label, **_line(style)))
    line = "-" if patches else (0, (1, 1))
    handles.append(Line2D([], [], color="black", linewidth=1.2, linestyle=line, label="single-task nets"))
    outer_legend(figure, handles)
