"""Metrics of classification tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mmdymu.registry import METRICS

from ..functional import Sums
from .streaming_metric import StreamingMetric

__all__ = ["AccuracyMetric", "MeanAccuracyMetric"]


@METRICS.register_module()
class AccuracyMetric(StreamingMetric):
    """Share of a task's images whose likeliest class is the right one, per cent; images without the task are skipped.

    Reads ``pred_label`` and ``gt_label``. Result: ``accuracy``, NaN if no image has the task.

    Args:
        task: Name of the task; also the prefix of the result.
        collect_device: See mmengine's BaseMetric.
        collect_dir: See mmengine's BaseMetric.
    """

    def image_sums(self, sample: Mapping[str, Any]) -> Sums:
        """As :meth:`sample_sums`; zeros for an image without the task."""
        inner = sample.get(self.task)
        return _sums(right=0, images=0) if inner is None else self.sample_sums(inner)

    def sample_sums(self, sample: Mapping[str, Any]) -> Sums:
        """Numbers of right answers and of images."""
        return _sums(right=int(is_right(sample, self.task)), images=1)

    def labelled_pixels(self, sums: Sums) -> float:
        """Number of images with the task."""
        return sums["images"].item()

    def summarize(self, sums: Sums) -> dict[str, float]:
        """``accuracy``."""
        images = sums["images"].item()
        return {"accuracy": 100 * sums["right"].item() / images if images else math.nan}


@METRICS.register_module()
class MeanAccuracyMetric(StreamingMetric):
    """Mean over tasks of :class:`AccuracyMetric`; tasks without an image do not count.

    Args:
        tasks: Names of the tasks.
        prefix: Of the result.
        collect_device: See mmengine's BaseMetric.
        collect_dir: See mmengine's BaseMetric.

    Raises:
        ValueError: If there is no task.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        prefix: str = "mean",
        collect_device: str = "cpu",
        collect_dir: str | None = None,
    ) -> None:
        if isinstance(tasks, str) or not tasks:
            raise ValueError(f"tasks={tasks!r} of MeanAccuracyMetric must be a non-empty sequence of names")
        super().__init__(prefix, collect_device, collect_dir)
        self.tasks = tuple(tasks)

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return self.tasks

    def image_sums(self, sample: Mapping[str, Any]) -> Sums:
        """Per task, numbers of right answers and of images."""
        right, images = torch.zeros(2, len(self.tasks), dtype=torch.float64)
        for index, task in enumerate(self.tasks):
            inner = sample.get(task)
            if inner is not None:
                right[index], images[index] = is_right(inner, task), 1
        return {"right": right, "images": images}

    def sample_sums(self, sample: Mapping[str, Any]) -> Sums:
        """As :meth:`image_sums`."""
        return self.image_sums(sample)

    def labelled_pixels(self, sums: Sums) -> float:
        """Number of images with a task."""
        return sums["images"].sum().item()

    def summarize(self, sums: Sums) -> dict[str, float]:
        """``accuracy``."""
        seen = sums["images"] > 0
        return {"accuracy": 100 * (sums["right"][seen] / sums["images"][seen]).mean().item()}


def is_right(sample: Mapping[str, Any], task: str) -> bool:
    """Whether a task's sample has the right ``pred_label``.

    Raises:
        KeyError: If it has no prediction or no label.
    """
    for field in ("pred_label", "gt_label"):
        if sample.get(field) is None:
            raise KeyError(f"Task {task!r}: no {field!r} in {sample.get('img_path')}, only {sorted(sample.keys())}.")
    return int(torch.as_tensor(sample["pred_label"])) == int(torch.as_tensor(sample["gt_label"]))


def _sums(**numbers: int) -> Sums:
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in numbers.items()}
