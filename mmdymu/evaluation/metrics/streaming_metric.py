"""A metric that keeps sums instead of results per image."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import get_dist_info
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch import Tensor

from ..functional import Sums, add_sums

__all__ = ["StreamingMetric"]


class StreamingMetric(BaseMetric):
    """Metric of one task whose memory does not grow with the data set.

    A subclass says what an image adds (:meth:`sample_sums`) and what the sums mean (:meth:`summarize`).

    Samplers repeat a few images at the end so that all processes get the same number. mmengine drops the
    repeated ones by counting results per image; here the sums of the newest image are kept apart until the
    end instead.

    Args:
        task: Name of the task; also the prefix of the results.
        collect_device: ``'cpu'`` or ``'gpu'``, see mmengine's BaseMetric.
        collect_dir: See mmengine's BaseMetric.
    """

    def __init__(self, task: str, collect_device: str = "cpu", collect_dir: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=task, collect_dir=collect_dir)
        self.task = task
        self._earlier: Sums = {}
        self._newest: Sums = {}
        self._count = 0

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the tasks whose samples it looks at."""
        return (self.task,)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Adds a batch.

        Args:
            data_batch: Not used.
            data_samples: Predictions and labels, per image a dict (or data sample) by task.
        """
        for sample in data_samples:
            self.add_image(self.image_sums(sample))

    def add_image(self, sums: Sums) -> None:
        """Adds an image's sums; images come in the order of the sampler."""
        self._earlier = add_sums(self._earlier, self._newest)
        self._newest = sums
        self._count += 1

    def image_sums(self, sample: Mapping[str, Any]) -> Sums:
        """What one image adds, from its sample of all tasks.

        Raises:
            KeyError: If the sample lacks the task.
        """
        return self.sample_sums(self.task_sample(sample))

    def task_sample(self, sample: Mapping[str, Any]) -> Mapping[str, Any]:
        """The task's part of a sample of all tasks.

        Raises:
            KeyError: If the sample lacks the task.
        """
        inner = sample.get(self.task)
        if inner is None:
            raise KeyError(f"{type(self).__name__}: no task {self.task!r} in a sample with {sorted(sample.keys())}.")
        return inner

    def evaluate(self, size: int) -> dict[str, float]:
        """Results over the images of all processes.

        Args:
            size: Number of images in the data set.

        Returns:
            The results, prefixed with the task. All processes get them.
        """
        rank, world_size = get_dist_info()
        repeated = newest_is_repeated(self._count, rank, world_size, size)
        total = self._earlier if repeated else add_sums(self._earlier, self._newest)
        self._earlier, self._newest, self._count = {}, {}, 0
        self.results = [total]
        return super().evaluate(world_size)

    def compute_metrics(self, results: list[Sums]) -> dict[str, float]:
        """Results from the sums of all processes.

        Args:
            results: Per process, its sums.

        Returns:
            The results, without prefix.
        """
        total: Sums = {}
        for sums in results:
            total = add_sums(total, sums)
        if not total:
            raise RuntimeError(f"{type(self).__name__} of task {self.task!r} was given no image.")
        if self.labelled_pixels(total) == 0:
            print_log(
                f"Task {', '.join(map(repr, self.reads))}: no label in any image, the results {self.prefix}/… are NaN.",
                logger="current",
                level=logging.WARNING,
            )
        return self.summarize(total)

    def map_of(self, sample: Mapping[str, Any], field: str) -> Tensor:
        """One map of a task's sample, (C, H, W).

        Raises:
            KeyError: If the sample has no such map.
        """
        entry = sample.get(field)
        if entry is None:
            raise KeyError(
                f"Task {self.task!r}: no {field!r} in {sample.get('img_path')}, only {sorted(sample.keys())}."
            )
        return torch.as_tensor(entry["data"] if isinstance(entry, Mapping) else entry.data)

    def pair_of(self, sample: Mapping[str, Any], pred_field: str, gt_field: str) -> tuple[Tensor, Tensor]:
        """Prediction and label on one device.

        Raises:
            ValueError: If their sizes differ, or a prediction is not finite.
        """
        pred, target = self.map_of(sample, pred_field), self.map_of(sample, gt_field)
        if pred.shape != target.shape:
            raise ValueError(
                f"Task {self.task!r}: {pred_field} {tuple(pred.shape)} and {gt_field} {tuple(target.shape)} "
                f"differ in shape in {sample.get('img_path')}."
            )
        # A sum tells as much as a look at every pixel, in a tenth of the time.
        if pred.is_floating_point() and not bool(torch.isfinite(pred.sum(dtype=torch.float64))):
            raise ValueError(
                f"Task {self.task!r}: {pred_field} is not finite everywhere in {sample.get('img_path')}: the network "
                "has diverged, or its half-precision numbers overflow."
            )
        return pred, target.to(pred.device)

    @abstractmethod
    def sample_sums(self, sample: Mapping[str, Any]) -> Sums:
        """What one image adds, from the task's sample."""

    @abstractmethod
    def labelled_pixels(self, sums: Sums) -> float:
        """Number of pixels, or images, that counted."""

    @abstractmethod
    def summarize(self, sums: Sums) -> dict[str, float]:
        """Results from the sums over all images."""


def newest_is_repeated(count: int, rank: int, world_size: int, size: int) -> bool:
    """Whether the last of ``count`` images of a process lies beyond the data set.

    mmengine's samplers give image ``rank + k * world_size`` to a process, so at most the last one is a
    repetition.
    """
    return count > 0 and rank + (count - 1) * world_size >= size
