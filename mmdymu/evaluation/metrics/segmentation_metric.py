"""Metric of semantic segmentation and of parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import torch
from mmseg.evaluation import IoUMetric
from torch import Tensor

from mmdymu.registry import METRICS
from mmdymu.task_meta import task_meta

from ..functional import AbsentClasses, Sums, class_areas
from .streaming_metric import StreamingMetric

__all__ = ["SegmentationMetric"]

#: What mmseg reports for each choice, beside ``aAcc``.
RESULTS = {"mIoU": ("mIoU", "mAcc"), "mDice": ("mDice", "mAcc"), "mFscore": ("mFscore", "mPrecision", "mRecall")}


@METRICS.register_module()
class SegmentationMetric(StreamingMetric):
    """The results of mmseg's IoUMetric for one of several tasks, with its table per class.

    ``aAcc``, ``mIoU`` and ``mAcc`` are per cent with two digits. Reads ``pred_sem_seg`` and ``gt_sem_seg``.

    Args:
        task: Name of the task; also the prefix of the results.
        classes: Names of the classes. Default: the data set's meta information, ``classes[task]``.
        iou_metrics: Any of ``'mIoU'``, ``'mDice'``, ``'mFscore'``.
        ignore_index: Label of pixels that do not count.
        absent: A class whose score is 0/0 does not count in a mean over classes (``'ignore'``: BMTAS, mmseg) or
            counts as 0 (``'zero'``: ASTMT, InvPT, ATRC).
        skip_background_images: Leave out images whose labelled pixels are all background (class 0), as evaluation of
            body parts from saved files does; otherwise what is predicted there counts as wrong (BMTAS).
        collect_device: See mmengine's BaseMetric.
        collect_dir: See mmengine's BaseMetric.

    Raises:
        ValueError: If ``absent`` or one of ``iou_metrics`` is unknown.
    """

    def __init__(
        self,
        task: str = "semseg",
        classes: Sequence[str] | None = None,
        iou_metrics: Sequence[str] = ("mIoU",),
        ignore_index: int = 255,
        absent: AbsentClasses = "ignore",
        skip_background_images: bool = False,
        collect_device: str = "cpu",
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(task, collect_device, collect_dir)
        self.classes = tuple(classes) if classes is not None else None
        self.ignore_index = ignore_index
        if absent not in get_args(AbsentClasses):
            raise ValueError(f"absent={absent!r} of SegmentationMetric: allowed are {list(get_args(AbsentClasses))}")
        if not {*iou_metrics} <= RESULTS.keys():
            raise ValueError(f"iou_metrics={iou_metrics!r} of SegmentationMetric: allowed are {list(RESULTS)}")
        self.skip_background_images = skip_background_images
        self.iou = IoUMetric(
            ignore_index=ignore_index,
            iou_metrics=list(iou_metrics),
            nan_to_num=0 if absent == "zero" else None,
            prefix=task,
        )

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
        if self.skip_background_images and is_background(target, self.ignore_index):
            target = torch.full_like(target, self.ignore_index)
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
            return dict.fromkeys(("aAcc", *(name for metric in self.iou.metrics for name in RESULTS[metric])), math.nan)
        self.iou.dataset_meta = {"classes": self.class_names()}
        areas = tuple(sums[name] for name in ("intersect", "union", "predicted", "labelled"))
        return {name: float(value) for name, value in self.iou.compute_metrics([areas]).items()}


def is_background(target: Tensor, ignore_index: int = 255) -> bool:
    """Whether no pixel of a label map has a class other than 0."""
    return not ((target != 0) & (target != ignore_index)).any()
