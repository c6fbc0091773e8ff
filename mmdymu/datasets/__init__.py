"""Data sets with several label maps for each image, and the transforms that read and change them."""

from __future__ import annotations

from .base import BaseMultiTaskDataset
from .multi_task_dataset import MultiTaskDataset
from .scenes_dataset import ScenesDataset
from .task_spec import Decoding, TaskSpec, parse_tasks
from .transforms import (
    IgnoreEmptyLabels,
    LoadMultiTaskAnnotations,
    MultiTaskPad,
    MultiTaskRandomFlip,
    MultiTaskRandomResize,
    PackMultiTaskInputs,
)

__all__ = [
    "BaseMultiTaskDataset",
    "Decoding",
    "IgnoreEmptyLabels",
    "LoadMultiTaskAnnotations",
    "MultiTaskDataset",
    "MultiTaskPad",
    "MultiTaskRandomFlip",
    "MultiTaskRandomResize",
    "PackMultiTaskInputs",
    "ScenesDataset",
    "TaskSpec",
    "parse_tasks",
]
