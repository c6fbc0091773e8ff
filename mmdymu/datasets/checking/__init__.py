"""Looks through a data set on disk: what is missing, unreadable or out of range, and what the labels hold."""

from __future__ import annotations

from .config import check_config
from .frame import FrameReport, check_frame
from .split import SplitReport, check_split
from .statistics import LabelStatistics
from .text import report_lines

__all__ = [
    "FrameReport",
    "LabelStatistics",
    "SplitReport",
    "check_config",
    "check_frame",
    "check_split",
    "report_lines",
]
