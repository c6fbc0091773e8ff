"""Which metric stands for a task, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmdymu.evaluation.metric_info import main_metrics, metric_info

from .record import SweepRecord

__all__ = ["TaskValues", "known_main_metrics", "loss_values", "metric_values", "relative"]


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


def known_main_metrics(sweep: SweepRecord) -> dict[str, str]:
    """The metric ``task/metric`` that stands for each task, in task order; tasks without one are left out."""
    found = main_metrics(sweep.single.metrics)
    return {task: found[task] for task in sweep.tasks if task in found}


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
    for task, name in known_main_metrics(sweep).items():
        info = metric_info(name)
        assert info is not None
        runs = np.array([_metric(run.metrics, name) for run in sweep.runs])
        if np.isfinite(runs).any():
            values[task] = TaskValues(info.title, info.higher_is_better, runs, float(sweep.single.metrics[name]))
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
