"""Checks that heads and metrics fit the data and the model, before hours of training show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from mmdymu.models import ControllableNet
from mmdymu.task_meta import class_mismatch

__all__ = ["check_heads", "check_metrics"]


def check_heads(model: ControllableNet, dataset_meta: Mapping[str, Any]) -> None:
    """Compares every head's number of classes with the data set's.

    Args:
        model: The model.
        dataset_meta: ``metainfo`` of the training data.

    Raises:
        ValueError: If one differs.
    """
    for task in model.tasks:
        head = model.heads[task]
        sizes = {name: getattr(head, name, None) for name in ("num_classes", "out_channels")}
        mismatch = class_mismatch(task, sizes, dataset_meta)
        if mismatch:
            raise ValueError(mismatch)


def check_metrics(model: ControllableNet, metrics: Sequence[BaseMetric]) -> None:
    """Looks whether metrics are of tasks that the model has.

    Args:
        model: The model.
        metrics: Those of the validation; metrics of other libraries, which do not say what they read, pass.

    Raises:
        ValueError: If one reads another task.
    """
    for metric in metrics:
        unknown = [task for task in getattr(metric, "reads", ()) if task not in model.tasks]
        if unknown:
            raise ValueError(
                f"{type(metric).__name__} is of the task {unknown[0]!r}, but model.tasks is {list(model.tasks)}: give "
                "it task=… with one of these"
            )
