"""What a metric's number means: its name on an axis, its unit, and which way is better."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace

__all__ = ["MetricInfo", "main_metrics", "metric_info", "similar_metrics"]

MAIN = ("mIoU", "odsF", "maxF", "accuracy", "mean", "rmse")
"""The metric that stands for a task, in this order of preference."""


@dataclass(frozen=True)
class MetricInfo:
    """How to read one metric.

    Attributes:
        label: Its name, as the literature writes it.
        unit: Of the number; '' for a ratio in [0, 1].
        higher_is_better: Which way is better.
    """

    label: str
    unit: str
    higher_is_better: bool

    @property
    def title(self) -> str:
        """The name with its unit, for an axis or a column: ``RMSE [m]``."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label


_INFOS = {
    "mIoU": MetricInfo("mIoU", "%", True),
    "aAcc": MetricInfo("pixel accuracy", "%", True),
    "mAcc": MetricInfo("mean class accuracy", "%", True),
    "maxF": MetricInfo("maxF", "%", True),
    "maxF_image": MetricInfo("maxF per image", "%", True),
    "accuracy": MetricInfo("accuracy", "%", True),
    "odsF": MetricInfo("odsF", "%", True),
    "oisF": MetricInfo("oisF", "%", True),
    "AP": MetricInfo("AP", "%", True),
    "rmse": MetricInfo("RMSE", "m", False),
    "log_rmse": MetricInfo("log RMSE", "", False),
    "abs_rel": MetricInfo("AbsRel", "", False),
    "sq_rel": MetricInfo("SqRel", "m", False),
    "delta1": MetricInfo("δ < 1.25", "", True),
    "delta2": MetricInfo("δ < 1.25²", "", True),
    "delta3": MetricInfo("δ < 1.25³", "", True),
    "mean": MetricInfo("mean angle", "°", False),
    "median": MetricInfo("median angle", "°", False),
    "within_11.25": MetricInfo("within 11.25°", "%", True),
    "within_22.5": MetricInfo("within 22.5°", "%", True),
    "within_30": MetricInfo("within 30°", "%", True),
    "delta_m": MetricInfo("Δm", "%", True),
    "hypervolume": MetricInfo("hypervolume", "", True),
    "uniformity": MetricInfo("uniformity", "", True),
    "rL": MetricInfo("rL", "", False),
}


def metric_info(name: str) -> MetricInfo | None:
    """What is known of a metric.

    Args:
        name: ``metric`` or ``task/metric``; the root mean square of a task ``normals…`` is an angle. A sweep's numbers
            end with their cost weight (``sweep/hypervolume_c0.5``).

    Returns:
        Its description; None for metrics that this package does not know.
    """
    prefix, _, metric = name.rpartition("/")
    if prefix == "sweep":
        metric = metric.rpartition("_c")[0]
    info = _INFOS.get(metric)
    return replace(info, unit="°") if info and metric == "rmse" and prefix.startswith("normals") else info


def similar_metrics(name: str) -> list[str]:
    """Known metrics that are spelt almost like ``task/metric``, as ``task/metric``."""
    task, _, metric = name.rpartition("/")
    return [f"{task}/{known}" for known in _INFOS if known.lower() == metric.lower()] or [
        f"{task}/{known}" for known in difflib.get_close_matches(metric, _INFOS, n=1, cutoff=0.75)
    ]


def main_metrics(names: Iterable[str]) -> dict[str, str]:
    """The metric that stands for each task, as in Δm.

    Args:
        names: Metrics that there are, ``task/metric``.

    Returns:
        ``task/metric`` by task; tasks without a known metric are left out.
    """
    present = list(names)
    tasks = dict.fromkeys(name.rpartition("/")[0] for name in present)
    wanted = {task: [f"{task}/{metric}" for metric in MAIN] for task in tasks}
    found = {task: next((name for name in options if name in present), None) for task, options in wanted.items()}
    return {task: name for task, name in found.items() if name is not None}
