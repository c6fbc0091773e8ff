"""All figures of a sweep: what they are called, how they are read, how they are written."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from mmdymu.whole_file import whole_file

from .brackets import draw_brackets
from .cost import draw_cost
from .marginal import COST_WEIGHTS as MARGINAL_COST_WEIGHTS
from .marginal import draw_marginal
from .record import SweepRecord
from .relative_metrics import COST_WEIGHTS as RADAR_COST_WEIGHTS
from .relative_metrics import draw_relative_metrics
from .simplex import COST_WEIGHTS as SIMPLEX_COST_WEIGHTS
from .simplex import draw_simplex
from .style import MissingPartError, evenly_chosen
from .tradeoff import PAIRS, draw_tradeoff, tradeoff_pairs
from .trees import chosen_trees, draw_trees

__all__ = ["FIGURES", "DrawnFigure", "FigureKind", "draw_figures", "figure_bytes", "write_figures"]

DPI = 150


@dataclass(frozen=True)
class FigureKind:
    """One kind of figure.

    Attributes:
        name: File name without its ending.
        title: Heading on the page.
        reading: How to read it, one or two sentences.
        draw: Draws it, or raises MissingPartError.
        note: What was chosen for this sweep; '' where all is drawn.
    """

    name: str
    title: str
    reading: str
    draw: Callable[[SweepRecord], Figure]
    note: Callable[[SweepRecord], str] = lambda sweep: ""


@dataclass(frozen=True)
class DrawnFigure:
    """A figure as files' content; without content, ``missing`` says why."""

    kind: FigureKind
    svg: bytes = b""
    png: bytes = b""
    note: str = ""
    missing: str = ""


def _pairs_note(measure: str) -> Callable[[SweepRecord], str]:
    def note(sweep: SweepRecord) -> str:
        pairs = tradeoff_pairs(sweep, "loss" if measure == "loss" else "metric")
        if len(pairs) < PAIRS or len(sweep.tasks) <= 4:
            return ""
        shown = ", ".join(f"{first} and {second}" for first, second in pairs)
        return f"Only the {len(pairs)} pairs that compete most (lowest correlation over the runs): {shown}."

    return note


def _cost_weights_note(limit: int) -> Callable[[SweepRecord], str]:
    def note(sweep: SweepRecord) -> str:
        every = sweep.header.cost_weights
        shown = ", ".join(f"{every[i]:g}" for i in evenly_chosen(len(every), limit))
        return f"Drawn for the cost weights {shown} of {len(every)}." if len(every) > limit else ""

    return note


def _trees_note(sweep: SweepRecord) -> str:
    every = {tree.name for tree in sweep.summary.trees}
    shown = list(dict.fromkeys(tree.name for row in chosen_trees(sweep.summary.trees) for tree in row))
    return f"Drawn: {', '.join(shown)}, of {len(every)} preferences." if len(shown) < len(every) else ""


FIGURES = (
    FigureKind(
        "tradeoff_losses",
        "Trade-off of losses",
        "Every mark is one preference; nearer to the lower left corner is better for both tasks. The dashed staircase "
        "joins the runs that no other run beats in these two tasks, the star is the single-task nets.",
        partial(draw_tradeoff, measure="loss"),
        _pairs_note("loss"),
    ),
    FigureKind(
        "tradeoff_metrics",
        "Trade-off of metrics",
        "The same runs in the metrics of the tasks. The axis labels say which way is better.",
        partial(draw_tradeoff, measure="metric"),
        _pairs_note("metric"),
    ),
    FigureKind(
        "marginal",
        "Loss over the own weight",
        "A curve that falls to the right means that a task gets better when it matters more. Faint marks are single "
        "runs: their spread at one weight comes from the other weights.",
        draw_marginal,
        _cost_weights_note(MARGINAL_COST_WEIGHTS),
    ),
    FigureKind(
        "cost",
        "Resource use over the cost weight",
        "Curves that fall mean that the cost weight saves compute; a wide band means that the preference decides how "
        "much. One multiply-add counts as one operation.",
        draw_cost,
    ),
    FigureKind(
        "simplex",
        "Resource use over the simplex",
        "A point of the triangle is a preference: a corner is one task only, the centre all tasks alike. Dotted lines "
        "mark weights of 1/4, 1/2 and 3/4; bright means many separate nodes.",
        draw_simplex,
        _cost_weights_note(SIMPLEX_COST_WEIGHTS),
    ),
    FigureKind(
        "trees",
        "Trees of chosen preferences",
        "The image enters at the bottom, a column is one task's stream, the heads are on top. The number in a node "
        "counts the tasks that it serves; small hollow circles do not run.",
        draw_trees,
        _trees_note,
    ),
    FigureKind(
        "relative_metrics",
        "Metrics relative to the single-task nets",
        "1 is as good as the single-task net and outside (or above) is better, whichever way the metric runs. The "
        "radius does not begin at 0: read its numbers.",
        draw_relative_metrics,
        _cost_weights_note(RADAR_COST_WEIGHTS),
    ),
    FigureKind(
        "brackets",
        "Weighted loss at equal share",
        "All trees of one preference cost at most as much as the controller's. Lower is better; the oracle has seen "
        "test losses, the heuristic is one trunk that branches once. Measured with running norm statistics and without "
        "the weight hypernet.",
        draw_brackets,
    ),
)


def draw_figures(sweep: SweepRecord) -> list[DrawnFigure]:
    """Draw every kind of figure.

    Args:
        sweep: A finished sweep.

    Returns:
        One per kind; those whose part the sweep lacks have no content and say why.
    """
    return [_draw(kind, sweep) for kind in FIGURES]


def write_figures(figures: list[DrawnFigure], folder: Path) -> None:
    """Write NAME.svg and NAME.png; files of figures that are left out now are removed."""
    for figure in figures:
        for ending, content in (("svg", figure.svg), ("png", figure.png)):
            path = folder / f"{figure.kind.name}.{ending}"
            if content:
                with whole_file(path) as unfinished:
                    unfinished.write_bytes(content)
            else:
                path.unlink(missing_ok=True)


def _draw(kind: FigureKind, sweep: SweepRecord) -> DrawnFigure:
    try:
        figure = kind.draw(sweep)
    except MissingPartError as error:
        return DrawnFigure(kind, missing=str(error))
    return DrawnFigure(kind, figure_bytes(figure, "svg"), figure_bytes(figure, "png"), kind.note(sweep))


def figure_bytes(figure: Figure, ending: str) -> bytes:
    """A figure as a file's content; the same figure gives the same bytes: no date, and names that do not change."""
    file = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if ending == "svg" else {"Software": None}
    with matplotlib.rc_context({"svg.hashsalt": "mmdymu"}):
        figure.savefig(file, format=ending, dpi=DPI, metadata=metadata)
    return file.getvalue()
