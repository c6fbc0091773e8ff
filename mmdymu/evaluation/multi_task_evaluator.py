"""An evaluator that weighs the metrics of all tasks against single-task networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.evaluator import BaseMetric, DumpResults, Evaluator

from mmdymu.registry import EVALUATOR

from .functional import DeltaAverage, multi_task_delta
from .metric_info import metric_info, similar_metrics

__all__ = ["MultiTaskEvaluator"]


@EVALUATOR.register_module()
class MultiTaskEvaluator(Evaluator):
    """Adds ``multi_task/delta_m`` to the results: the mean gain over the single-task networks, per cent.

    It takes the place of the list of metrics, so that ``save_best="multi_task/delta_m"`` keeps the best network::

        val_evaluator = dict(
            type="MultiTaskEvaluator",
            metrics=[dict(type="SegmentationMetric"), dict(type="DepthMetric")],
            baselines={"semseg/mIoU": 32.8, "depth/rmse": 0.865},
        )

    Args:
        metrics: Configs of the metrics, or metrics.
        baselines: By metric, ``task/metric``, the score of the single-task network on the same backbone. A run with
            ``run_anchor=True`` measures it.
        higher_is_better: Which way is better, for metrics that this package does not know, or to overrule it.
        average: See :func:`~mmdymu.evaluation.functional.multi_task_delta`.

    Raises:
        ValueError: If there is no baseline, one is not a finite number above 0 or belongs to no metric, or if which
            way is better is not known.
    """

    def __init__(
        self,
        metrics: dict[str, Any] | BaseMetric | Sequence[dict[str, Any] | BaseMetric],
        baselines: Mapping[str, float],
        higher_is_better: Mapping[str, bool] | None = None,
        average: DeltaAverage = "task",
    ) -> None:
        super().__init__(metrics)
        self.baselines = {name: float(value) for name, value in baselines.items()}
        self.higher_is_better = _directions(self.baselines, higher_is_better or {})
        self.average = average
        # The baselines themselves gain nothing, but are checked, and before any training rather than after it.
        multi_task_delta(self.baselines, self.baselines, self.higher_is_better, average)
        self._check_tasks()

    def evaluate(self, size: int) -> dict[str, float]:
        """Results of all metrics, and ``multi_task/delta_m``, NaN if one of its metrics is.

        Args:
            size: Number of images in the data set.

        Raises:
            KeyError: If a baseline's metric is not among the results.
        """
        results = super().evaluate(size)
        return {**results, "multi_task/delta_m": self.delta(results)}

    def delta(self, results: Mapping[str, float]) -> float:
        """Δm of some results, per cent; NaN if one of its metrics is.

        Raises:
            KeyError: If a baseline's metric is not among the results.
        """
        return multi_task_delta(results, self.baselines, self.higher_is_better, self.average)

    def _check_tasks(self) -> None:
        """Finds baselines of no metric; which results a metric of another library has shows only afterwards."""
        prefixes = [metric.prefix for metric in self.metrics if not isinstance(metric, DumpResults)]
        unknown = [name for name in self.baselines if name.rpartition("/")[0] not in prefixes]
        if unknown and all(prefixes):
            raise ValueError(f"baselines name {unknown}, but metrics give only {sorted({*prefixes})}/…")


def _directions(names: Mapping[str, float], given: Mapping[str, bool]) -> dict[str, bool]:
    directions = {}
    for name in names:
        info = metric_info(name)
        if name not in given and info is None:
            close = "".join(f"did you mean {other!r}? Else " for other in similar_metrics(name))
            raise ValueError(
                f"baselines name {name!r}: {close}say which way is better, higher_is_better={{{name!r}: …}}"
            )
        directions[name] = given[name] if name in given or info is None else info.higher_is_better
    return directions
