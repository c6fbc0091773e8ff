"""Reads what a data set says about one of its tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["task_meta"]


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
