"""Figures and a page of a finished sweep."""

from __future__ import annotations

from .brackets import draw_brackets
from .cost import draw_cost
from .gallery import FIGURES, DrawnFigure, FigureKind, draw_figures, write_figures
from .marginal import draw_marginal
from .reading import read_sweep
from .record import Bracket, Run, SingleTask, SweepHeader, SweepRecord
from .relative_metrics import draw_relative_metrics
from .report import WrittenReport, write_report
from .simplex import draw_simplex
from .style import MissingPartError
from .summary import SweepSummary
from .tradeoff import draw_tradeoff
from .trees import draw_trees

__all__ = [
    "FIGURES",
    "Bracket",
    "DrawnFigure",
    "FigureKind",
    "MissingPartError",
    "Run",
    "SingleTask",
    "SweepHeader",
    "SweepRecord",
    "SweepSummary",
    "WrittenReport",
    "draw_brackets",
    "draw_cost",
    "draw_figures",
    "draw_marginal",
    "draw_relative_metrics",
    "draw_simplex",
    "draw_tradeoff",
    "draw_trees",
    "read_sweep",
    "write_figures",
    "write_report",
]
