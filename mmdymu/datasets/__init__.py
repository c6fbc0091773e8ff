"""Data sets with several label maps for each image, and the transforms that read and change them."""

from __future__ import annotations

from .base import BaseMultiTaskDataset
from .cifar100 import CIFAR100Tasks
from .multi_task_dataset import MultiTaskDataset
from .multi_task_wrapper import MultiTaskWrapper
from .path_list_dataset import PathListDataset
from .scenes_dataset import ScenesDataset
from .task_spec import Decoding, TaskSpec, parse_tasks
from .transforms import (
    IgnoreEmptyLabels,
    LoadImageFromArray,
    LoadMultiTaskAnnotations,
    MultiTaskPad,
    MultiTaskRandomCrop,
    MultiTaskRandomFlip,
    MultiTaskRandomResize,
    MultiTaskRandomRotate,
    PackMultiTaskInputs,
)

__all__ = [
    "BaseMultiTaskDataset",
    "CIFAR100Tasks",
    "Decoding",
    "IgnoreEmptyLabels",
    "LoadImageFromArray",
    "LoadMultiTaskAnnotations",
    "MultiTaskDataset",
    "MultiTaskPad",
    "MultiTaskRandomCrop",
    "MultiTaskRandomFlip",
    "MultiTaskRandomResize",
    "MultiTaskRandomRotate",
    "MultiTaskWrapper",
    "PackMultiTaskInputs",
    "PathListDataset",
    "ScenesDataset",
    "TaskSpec",
    "parse_tasks",
]
