"""What a metric's number means: its name on an axis, its unit, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MetricInfo", "metric_info"]


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
}


def metric_info(name: str) -> MetricInfo | None:
    """What is known of a metric.

    Args:
        name: ``metric`` or ``task/metric``.

    Returns:
        Its description; None for metrics that this package does not know.
    """
    return _INFOS.get(name.rsplit("/", maxsplit=1)[-1])
