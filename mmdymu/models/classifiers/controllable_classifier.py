"""The top model of classification tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmpretrain.structures import DataSample, MultiTaskDataSample
from torch import Tensor

from mmdymu.registry import MODELS

from ..backbones import Rows
from ..heads import attach_classes, class_loss
from ..segmentors import ControllableNet

__all__ = ["ControllableClassifier"]


@MODELS.register_module()
class ControllableClassifier(ControllableNet):
    """A controllable network of classification tasks: an image counts for those tasks only that its sample has.

    Arguments are those of :class:`ControllableNet`; heads are mmpretrain's (``mmpretrain.LinearClsHead``), samples are
    mmpretrain's multi-task samples.

    A loss is the mean over the task's own images; a task that a batch has no image of has the loss 0, with gradients
    0. Training and predicting run a node only on the images of the tasks above it, so that the anchor's streams are
    single-task networks whose norms see their own task's images. ``mode='tensor'`` runs all heads on all images and
    gives (B, C) logits by task.
    """

    def task_rows(self, data_samples: Sequence[MultiTaskDataSample]) -> Rows:
        """Per task the numbers of the images whose sample has it."""
        return [[row for row, sample in enumerate(data_samples) if task in sample] for task in self.tasks]

    def task_loss(
        self, task: str, raw: Tensor | None, data_samples: Sequence[MultiTaskDataSample]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See the base; the mean over the task's images.

        Args:
            task: Its name.
            raw: (B, C) logits of all images, or of the task's own; None if it has none.
            data_samples: All images' samples.

        Raises:
            ValueError: If the number of logits is neither.
        """
        rows, samples = self._own(task, data_samples)
        if raw is not None and rows:
            return class_loss(self.heads[task], _own_rows(task, raw, rows, len(data_samples)), samples)
        # Distributed training wants a gradient for every parameter that the stage owns.
        parts = [self.backbone.streams[self.tasks.index(task)], self.heads[task]]
        owned = [parameter for part in parts for parameter in part.parameters() if parameter.requires_grad]
        nothing = self.loss_scale.new_zeros(()) if raw is None else 0 * raw.sum()
        return sum((0 * parameter.sum() for parameter in owned), nothing), {}

    def attach(self, outputs: Mapping[str, Tensor], data_samples: Sequence[MultiTaskDataSample]) -> None:
        """See the base; writes ``pred_score`` (C,) and ``pred_label`` (1,) into the samples that there are."""
        for task, raw in outputs.items():
            rows, samples = self._own(task, data_samples)
            if rows:
                attach_classes(self.heads[task], _own_rows(task, raw, rows, len(data_samples)), samples)

    @staticmethod
    def _own(task: str, data_samples: Sequence[MultiTaskDataSample]) -> tuple[list[int], list[DataSample]]:
        """The task's images and their samples."""
        rows = [row for row, sample in enumerate(data_samples) if task in sample]
        return rows, [data_samples[row].get(task) for row in rows]


def _own_rows(task: str, raw: Tensor, rows: Sequence[int], images: int) -> Tensor:
    if len(raw) == len(rows):
        return raw
    if len(raw) != images:
        raise ValueError(f"task {task!r} has {len(raw)} outputs for {len(rows)} of {images} images")
    return raw[list(rows)]
