"""A controllable network tested at many preferences, with cost weights or within budgets."""

from __future__ import annotations

from .batches import KeptBatches
from .header import sweep_header
from .main_process import on_main_process
from .preference_sweep import Asked, PreferenceSweep
from .settings import Saving, SweepSettings
from .shared_evaluation import SharedEvaluation
from .single_line import SingleLine, read_single_line
from .summary import flat_summary, summarize_sweep, sweep_summary
from .sweep_file import FREE, SweepFile, json_ready
from .table import sweep_table

__all__ = [
    "FREE",
    "Asked",
    "KeptBatches",
    "PreferenceSweep",
    "Saving",
    "SharedEvaluation",
    "SingleLine",
    "SweepFile",
    "SweepSettings",
    "flat_summary",
    "json_ready",
    "on_main_process",
    "read_single_line",
    "summarize_sweep",
    "sweep_header",
    "sweep_summary",
    "sweep_table",
]
