"""The figures of a benchmark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mmdymu.visualization.sweep.style import (
    MissingPartError,
    SeriesStyle,
    dress,
    new_figure,
    outer_legend,
    plain,
    series_styles,
)

from .jobs import DRAWN, LISTED
from .spread import Spread
from .values import BenchmarkResult, MethodResult

__all__ = ["draw_hypervolume", "draw_uniformity", "draw_weighted_loss"]

DODGE = 0.012
"""Largest distance of two methods' marks at one cost weight."""
SPREAD = 0.1
"""Largest distance of the marks at one cost weight."""

Rows = Mapping[float, Mapping[str, Spread]]


def draw_weighted_loss(result: BenchmarkResult) -> Figure:
    """Draw rL against the cost weight and against the mean share; bars are the seeds' standard deviation.

    One seed has none.

    Args:
        result: Finished methods.

    Returns:
        The figure; methods without a trade-off of cost have one mark.

    Raises:
        MissingPartError: If no method was swept at drawn preferences.
    """
    found = _drawn(result, DRAWN)
    figure = new_figure(10.5, 4.6)
    left, right = figure.subplots(1, 2, sharey=True)
    dodge = min(DODGE, SPREAD / len(found))
    for place, ((_, rows), style) in enumerate(found):
        costs, values = list(rows), [row["rL"] for row in rows.values()]
        # Apart from each other, so that no error bar hides another.
        beside = [cost + dodge * (place - (len(found) - 1) / 2) for cost in costs]
        shares = [row["share"] for row in rows.values()]
        look = _line(style, joined=len(costs) > 1)
        left.errorbar(beside, [v.mean for v in values], yerr=[v.std for v in values], **look)
        right.errorbar(
            [s.mean for s in shares], [v.mean for v in values], xerr=[s.std for s in shares],
            yerr=[v.std for v in values], **look,
        )  # fmt: skip
    for axes, label in ((left, "cost weight c"), (right, "mean share s (0 = one trunk, 1 = all separate)")):
        axes.axhline(1, color="black", linewidth=1, linestyle="--", zorder=1)
        axes.set_xlabel(label, fontsize="small")
        dress(axes)
    left.set_xlim(-0.08, 1.08)
    left.set_ylabel("mean rL (single-task nets = 1, lower is better)", fontsize="small")
    outer_legend(figure, _handles(found))
    return figure


def draw_hypervolume(result: BenchmarkResult) -> Figure:
    """Draw hypervolumes for the first reference point, a bar a cost weight, at drawn and at listed preferences.

    Args:
        result: Finished methods.

    Returns:
        The figure.

    Raises:
        MissingPartError: If no method has a hypervolume.
    """
    measure = f"hypervolume_{result.references[0]:g}"
    titles = _titles(result)
    parts = {sweep: _known(_measured(result, sweep), measure) for sweep in titles}
    parts = {sweep: found for sweep, found in parts.items() if found}
    if not parts:
        raise MissingPartError("no method has a hypervolume")
    costs = sorted({c for found in parts.values() for _, rows in found for c in rows})
    styles = dict(zip(costs, series_styles(len(costs)), strict=True))
    count = max(map(len, parts.values()))
    figure = new_figure(10.5, 1.4 + 0.5 * count)
    panels = figure.subplots(1, len(parts), squeeze=False)[0]
    for axes, (sweep, found) in zip(panels, parts.items(), strict=True):
        _draw_bars(axes, found, measure, styles)
        axes.set_title(titles[sweep], fontsize="small")
        begin = "" if axes.get_xlim()[0] == 0 else "\n(the axis does not begin at 0)"
        axes.set_xlabel(f"hypervolume, reference point {result.references[0]:g}{begin}", fontsize="small")
    outer_legend(figure, [Patch(label=f"c = {c:g}", **_face(style)) for c, style in styles.items()])
    return figure


def draw_uniformity(result: BenchmarkResult) -> Figure:
    """Draw uniformity against hypervolume, a mark a cost weight; bars are the seeds' standard deviation.

    Args:
        result: Finished methods.

    Returns:
        The figure; beside drawn preferences, those of the static nets, if there are any.

    Raises:
        MissingPartError: If no method has both.
    """
    measure = f"hypervolume_{result.references[0]:g}"
    titles = _titles(result)
    parts = {sweep: [part for part in _styled(result, sweep) if _known([part[0]], measure)] for sweep in titles}
    parts = {sweep: found for sweep, found in parts.items() if found}
    if not parts:
        raise MissingPartError("no method has both hypervolume and uniformity")
    figure = new_figure(10.5, 4.8)
    panels = figure.subplots(1, len(parts), squeeze=False)[0]
    for axes, (sweep, found) in zip(panels, parts.items(), strict=True):
        for (_, rows), style in found:
            x, y = ([row[name] for row in rows.values()] for name in (measure, "uniformity"))
            axes.errorbar(
                [v.mean for v in x], [v.mean for v in y], xerr=[v.std for v in x], yerr=[v.std for v in y],
                **_line(style, joined=len(rows) > 1),
            )  # fmt: skip
            costs = list(rows)
            for end in {0, len(costs) - 1} if len(costs) > 1 else ():
                offset = {"xytext": (5, 4), "textcoords": "offset points"}
                point = (x[end].mean, y[end].mean)
                axes.annotate(f"{costs[end]:g}", point, fontsize="x-small", color=style.color, **offset)
        axes.set_title(titles[sweep], fontsize="small")
        axes.set_xlabel(f"hypervolume, reference point {result.references[0]:g}", fontsize="small")
        dress(axes)
    panels[0].set_ylabel("uniformity", fontsize="small")
    outer_legend(figure, _handles(max(parts.values(), key=len)))
    return figure


def _draw_bars(
    axes: Axes, found: Sequence[tuple[MethodResult, Rows]], measure: str, styles: Mapping[float, SeriesStyle]
) -> None:
    """One group of bars a method, the first on top."""
    for place, (_, rows) in enumerate(found):
        height = 0.8 / len(rows)
        for number, (cost_weight, row) in enumerate(rows.items()):
            value, middle = row[measure], place - 0.4 + (number + 0.5) * height
            axes.barh(middle, value.mean, height, **_face(styles[cost_weight]))
            axes.errorbar(value.mean, middle, xerr=value.std, color="black", capsize=2, linewidth=1)
    axes.set_yticks(range(len(found)), [plain(method.title) for method, _ in found], fontsize="small")
    axes.invert_yaxis()
    dress(axes)
    values = [row[measure] for _, rows in found for row in rows.values()]
    reach = [(v.mean, 0.0 if math.isnan(v.std) else v.std) for v in values]
    low, high = min(mean - std for mean, std in reach), max(mean + std for mean, std in reach)
    # Bars that differ by a hundredth must be told apart; the axis label says so.
    room = max(high - low, 0.02 * high)
    axes.set_xlim(max(0.0, low - 0.4 * room), high + 0.1 * room)


def _measured(result: BenchmarkResult, sweep: str) -> list[tuple[MethodResult, Rows]]:
    found = [(method, method.rows(sweep)) for method in result.methods]
    return [(method, rows) for method, rows in found if rows]


def _styled(result: BenchmarkResult, sweep: str) -> list[tuple[tuple[MethodResult, Rows], SeriesStyle]]:
    """A method has the same style in all figures."""
    styles = dict(zip([m.name for m in result.methods], series_styles(len(result.methods)), strict=True))
    return [((method, rows), styles[method.name]) for method, rows in _measured(result, sweep)]


def _titles(result: BenchmarkResult) -> dict[str, str]:
    """Of the parts of a figure, by sweep."""
    return {DRAWN: f"{result.preferences} drawn preferences", LISTED: f"{len(result.listed)} listed preferences"}


def _drawn(result: BenchmarkResult, sweep: str) -> list[tuple[tuple[MethodResult, Rows], SeriesStyle]]:
    found = [part for part in _styled(result, sweep) if _known([part[0]], "rL")]
    if not found:
        raise MissingPartError("no method was swept at drawn preferences")
    return found


def _known(found: Sequence[tuple[MethodResult, Rows]], measure: str) -> list[tuple[MethodResult, Rows]]:
    """Those whose value is known at every cost weight."""
    return [(m, rows) for m, rows in found if all(measure in row and row[measure].n for row in rows.values())]


def _line(style: SeriesStyle, joined: bool) -> dict[str, Any]:
    marker = {"marker": style.marker, "markersize": 6, "markeredgecolor": "black", "markeredgewidth": 0.4}
    line = {"linestyle": style.linestyle if joined else "none", "linewidth": 1.6, "elinewidth": 1, "capsize": 2}
    return {"color": style.color, **line, **marker}


def _face(style: SeriesStyle) -> dict[str, Any]:
    return {"facecolor": style.color, "hatch": style.hatch, "edgecolor": "white", "linewidth": 0.5}


def _handles(found: Sequence[tuple[tuple[MethodResult, Rows], SeriesStyle]]) -> list[Line2D]:
    looks = [
        (method, {k: v for k, v in _line(style, len(rows) > 1).items() if k not in ("elinewidth", "capsize")})
        for (method, rows), style in found
    ]
    return [Line2D([], [], label=plain(method.title), **look) for method, look in looks]
