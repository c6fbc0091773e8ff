"""Which metric stands for a task, and its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mmdymu.evaluation.metric_info import metric_info

from .record import SweepRecord

__all__ = ["TaskValues", "loss_values", "main_metric", "metric_values", "relative"]

MAIN_METRICS = ("mIoU", "maxF", "odsF", "accuracy", "mean", "rmse")
"""The one metric of a task, in this order; ``mean`` (angle) before ``rmse``, which normals have as well."""


@dataclass(frozen=True)
class TaskValues:
    """One number per run for one task.

    Attributes:
        label: Axis label with the unit, without the task.
        higher_is_better: Which way is better.
        runs: (runs,), NaN where not known.
        single: The single-task net's number.
    """

    label: str
    higher_is_better: bool
    runs: np.ndarray
    single: float


def main_metric(names: Iterable[str], task: str) -> str | None:
    """Choose the metric that stands for a task.

    Args:
        names: Metrics as ``task/metric``.
        task: Name of the task.

    Returns:
        Its name as ``task/metric``; None if the task has no metric whose direction is known.
    """
    known = [name for name in names if name.rpartition("/")[0] == task and metric_info(name) is not None]
    ranked = [f"{task}/{metric}" for metric in MAIN_METRICS if f"{task}/{metric}" in known]
    return next(iter(ranked + known), None)


def loss_values(sweep: SweepRecord) -> dict[str, TaskValues]:
    """Normalised losses by task; tasks without any are left out."""
    columns = {task: sweep.losses[:, j] for j, task in enumerate(sweep.tasks)}
    return {
        task: TaskValues("loss / single-task loss", False, values, 1.0)
        for task, values in columns.items()
        if np.isfinite(values).any()
    }


def metric_values(sweep: SweepRecord) -> dict[str, TaskValues]:
    """Main metrics by task; tasks without one in the single-task nets and the runs are left out."""
    values = {}
    for task in sweep.tasks:
        name = main_metric(sweep.single.metrics, task)
        info = metric_info(name) if name else None
        if name is None or info is None:
            continue
        runs = np.array([_metric(run.metrics, name) for run in sweep.runs])
        if np.isfinite(runs).any():
            label = f"{info.label} [{info.unit}]" if info.unit else info.label
            values[task] = TaskValues(label, info.higher_is_better, runs, float(sweep.single.metrics[name]))
    return values


def relative(values: TaskValues) -> np.ndarray:
    """Compare with the single-task net: 1 is equal, above 1 is better.

    Args:
        values: Metric of one task.

    Returns:
        (runs,); NaN where a ratio has no meaning (a value that is not positive).
    """
    runs = np.where(values.runs > 0, values.runs, np.nan)
    single = values.single if values.single > 0 else np.nan
    return runs / single if values.higher_is_better else single / runs


def _metric(metrics: Mapping[str, float], name: str) -> float:
    return float(metrics.get(name, np.nan))
