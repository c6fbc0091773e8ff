"""Metric of semantic segmentation and of parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.evaluation import IoUMetric

from mmdymu.registry import METRICS

from ..functional import Sums, class_areas
from ..task_meta import task_meta
from .streaming_metric import StreamingMetric

__all__ = ["SegmentationMetric"]


@METRICS.register_module()
class SegmentationMetric(StreamingMetric):
    """The results of mmseg's IoUMetric for one of several tasks, with its table per class.

    ``aAcc``, ``mIoU`` and ``mAcc`` are per cent with two digits. Classes that occur neither in labels nor in
    predictions do not count. Reads ``pred_sem_seg`` and ``gt_sem_seg``.

    Args:
        task: Name of the task; also the prefix of the results.
        classes: Names of the classes. Default: the data set's meta information, ``classes[task]``.
        iou_metrics: Any of ``'mIoU'``, ``'mDice'``, ``'mFscore'``.
        ignore_index: Label of pixels that do not count.
        collect_device: See mmengine's BaseMetric.
        collect_dir: See mmengine's BaseMetric.
    """

    def __init__(
        self,
        task: str = "semseg",
        classes: Sequence[str] | None = None,
        iou_metrics: Sequence[str] = ("mIoU",),
        ignore_index: int = 255,
        collect_device: str = "cpu",
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(task, collect_device, collect_dir)
        self.classes = tuple(classes) if classes is not None else None
        self.ignore_index = ignore_index
        self.iou = IoUMetric(ignore_index=ignore_index, iou_metrics=list(iou_metrics), prefix=task)

    def class_names(self) -> tuple[str, ...]:
        """Names of the classes.

        Raises:
            ValueError: If neither the constructor nor the data set gave them.
        """
        names = self.classes or task_meta(self.dataset_meta, self.task, "classes")
        if not names:
            raise ValueError(
                f"SegmentationMetric of task {self.task!r}: pass classes=[...], or use a data set whose "
                f"meta information has classes[{self.task!r}]."
            )
        return tuple(names)

    def sample_sums(self, sample: Mapping[str, Any]) -> Sums:
        """See :func:`~mmdymu.evaluation.functional.class_areas`."""
        pred, target = self.pair_of(sample, "pred_sem_seg", "gt_sem_seg")
        try:
            return class_areas(pred, target, len(self.class_names()), self.ignore_index)
        except ValueError as error:
            raise ValueError(f"Task {self.task!r}, {sample.get('img_path')}: {error}") from error

    def labelled_pixels(self, sums: Sums) -> float:
        """Number of labelled pixels."""
        return sums["labelled"].sum().item()

    def summarize(self, sums: Sums) -> dict[str, float]:
        """The results and the table of mmseg's IoUMetric."""
        if self.labelled_pixels(sums) == 0:
            return dict.fromkeys(("aAcc", *self.iou.metrics), math.nan)
        self.iou.dataset_meta = {"classes": self.class_names()}
        areas = tuple(sums[name] for name in ("intersect", "union", "predicted", "labelled"))
        return {name: float(value) for name, value in self.iou.compute_metrics([areas]).items()}
