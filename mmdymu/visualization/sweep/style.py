"""How figures look: sizes, series that differ without colour, names that fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

__all__ = [
    "MissingPartError",
    "SeriesStyle",
    "cost_label",
    "dress",
    "evenly_chosen",
    "new_figure",
    "number",
    "outer_legend",
    "panel_grid",
    "plain",
    "series_styles",
    "task_labels",
]

LONGEST_NAME = 20
"""Longer task names are cut in the middle: their ends tell most."""

MARKERS = "os^DvPX<>p*h"
LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo", "++")
#: The bright end of the colour map is too pale for lines on white.
PALEST = 0.78


class MissingPartError(ValueError):
    """The sweep does not have what a figure shows; the message says what."""


@dataclass(frozen=True)
class SeriesStyle:
    """What tells one series from another: each of the four alone does, so a grey print does as well."""

    color: Any
    marker: str
    linestyle: Any
    hatch: str


def series_styles(count: int) -> list[SeriesStyle]:
    """Styles of an ordered series, dark to light; up to 60 pairs of marker and line are different.

    Args:
        count: Number of series.

    Returns:
        One style each.
    """
    return [
        SeriesStyle(
            color=colormaps["cividis"](PALEST * i / max(count - 1, 1)),
            marker=MARKERS[i % len(MARKERS)],
            linestyle=LINES[i % len(LINES)],
            hatch=HATCHES[i % len(HATCHES)],
        )
        for i in range(count)
    ]


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches, that lays out its parts without overlap."""
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.06))
    FigureCanvasAgg(figure)
    return figure


def panel_grid(figure: Figure, count: int, columns: int, **kwargs: Any) -> list[Axes]:
    """Return axes row by row; those left over in the last row are removed."""
    grid = figure.subplots(math.ceil(count / columns), columns, squeeze=False, **kwargs)
    panels = list(grid.flat)
    for extra in panels[count:]:
        extra.remove()
    return panels[:count]


def dress(axes: Axes) -> None:
    """Thin grid behind, no box, small tick labels."""
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize="small")


def outer_legend(figure: Figure, handles: Sequence[Any], side: str = "lower") -> None:
    """One legend under (or, with ``'upper'``, above) all panels, in as many columns as fit."""
    widths = [0.6 + 0.07 * len(str(handle.get_label())) for handle in handles]
    fits = sum(widths) < figure.get_figwidth()
    columns = len(handles) if fits else max(1, int(figure.get_figwidth() / max(widths)))
    figure.legend(handles=handles, loc=f"outside {side} center", ncols=columns, fontsize="small", frameon=False)


def plain(text: str) -> str:
    """Return a user's text such that matplotlib does not read dollar signs as mathematics."""
    return text.replace("$", r"\$")


def task_labels(tasks: Sequence[str]) -> list[str]:
    """Task names for figures: long ones cut in the middle, unless two would look alike."""
    half = (LONGEST_NAME - 1) // 2
    short = [name if len(name) <= LONGEST_NAME else f"{name[:half]}…{name[-half:]}" for name in tasks]
    return [plain(name) for name in (short if len(set(short)) == len(tasks) else tasks)]


def cost_label(cost_weight: float) -> str:
    """Name a cost weight in a legend."""
    return f"c = {cost_weight:g}"


def evenly_chosen(count: int, limit: int) -> list[int]:
    """Up to ``limit`` of ``count`` positions, the first and the last among them."""
    return sorted({round(x) for x in np.linspace(0, count - 1, min(count, limit))})


def number(value: float, digits: int = 3, sign: bool = False) -> str:
    """Write a number with so many decimals; '–' where it is not known."""
    if not math.isfinite(value):
        return "–"
    return f"{value:+,.{digits}f}" if sign else f"{value:,.{digits}f}"
