"""The top model of dense tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmpretrain.structures import MultiTaskDataSample
from mmseg.structures import SegDataSample
from torch import Tensor

from mmdymu.registry import MODELS

from ..heads import attach_predictions, head_loss
from .controllable_net import MAX_PATH_TABLE, ControllableNet

__all__ = ["MAX_PATH_TABLE", "ControllableSegmentor"]


@MODELS.register_module()
class ControllableSegmentor(ControllableNet):
    """A controllable network of dense tasks: every image has a label map, or an empty one, for each task.

    Arguments are those of :class:`ControllableNet`; heads are mmseg's decode heads or ours.
    """

    def task_loss(
        self, task: str, raw: Tensor | None, data_samples: Sequence[MultiTaskDataSample]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See the base; means over labelled pixels."""
        assert raw is not None
        return head_loss(self.heads[task], raw, samples_of(data_samples, task))

    def attach(self, outputs: Mapping[str, Tensor], data_samples: Sequence[MultiTaskDataSample]) -> None:
        """See the base; maps have the size of the labels or else of the original images."""
        for task, raw in outputs.items():
            attach_predictions(self.heads[task], raw, samples_of(data_samples, task))


def samples_of(data_samples: Sequence[MultiTaskDataSample], task: str) -> list[SegDataSample]:
    """One task's sample of every image.

    Raises:
        ValueError: If the data have no such task.
    """
    for sample in data_samples:
        if task not in sample:
            raise ValueError(f"the model has a task {task!r}, but its data only {sorted(sample.keys())}")
    return [sample.get(task) for sample in data_samples]
