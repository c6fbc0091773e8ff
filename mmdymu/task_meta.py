"""Reads what a data set says about one of its tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["class_mismatch", "task_meta"]


def task_meta(dataset_meta: Mapping[str, Any] | None, task: str, key: str) -> Sequence[Any] | None:
    """Class names or colours of a task.

    Args:
        dataset_meta: Meta information of a data set. It has ``tasks``, a dict by task with dicts that have
            ``key``; or ``key`` itself, a dict by task; or ``key`` as one sequence, as mmseg has it.
        task: Name of the task.
        key: ``'classes'`` or ``'palette'``.

    Returns:
        The entry, or None if the data set does not say.
    """
    meta = dataset_meta or {}
    tasks = meta.get("tasks")
    if isinstance(tasks, Mapping) and isinstance(tasks.get(task), Mapping) and key in tasks[task]:
        return tasks[task][key]
    entry = meta.get(key)
    return entry.get(task) if isinstance(entry, Mapping) else entry


def class_mismatch(task: str, head: Mapping[str, Any], dataset_meta: Mapping[str, Any] | None) -> str:
    """Tells that a head and a data set differ in a task's number of classes.

    Args:
        task: Name of the task.
        head: ``num_classes`` and ``out_channels`` of its head or of the head's config, where known. One output channel
            tells two classes by a threshold, whatever ``num_classes`` is.
        dataset_meta: Meta information of a data set, with classes below ``tasks``.

    Returns:
        What is wrong and the remedy; '' if they agree, or one of them does not say.
    """
    described = (dataset_meta or {}).get("tasks")
    classes = (described.get(task) or {}).get("classes") if isinstance(described, Mapping) else None
    num_classes = head.get("num_classes")
    if classes is None or num_classes is None or num_classes == len(classes) or head.get("out_channels") == 1:
        return ""
    return (
        f"task {task!r}: the data set has {len(classes)} classes, the head num_classes={num_classes}: set "
        f"model.heads.{task}.num_classes={len(classes)}"
    )
