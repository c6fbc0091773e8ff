"""What the heads of the dense tasks have in common."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mmengine.model import BaseModule
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from .resizing import resize, stack_labels, to_original_size

__all__ = ["DenseHead"]


class DenseHead(BaseModule, metaclass=ABCMeta):
    """Wraps an mmseg decode head and gives its output the meaning of another task.

    A subclass states how many channels it needs, which label it reads, what the loss is and what the output
    means.

    Args:
        decoder: Built mmseg decode head with ``num_classes`` equal to ``channels`` of the class. Its own loss
            is not used.
        loss_weight: Factor of the loss.
        init_cfg: Initialisation, see mmengine's BaseModule.
    """

    channels: ClassVar[int]
    label_field: ClassVar[str]
    loss_name: ClassVar[str]
    meaning: ClassVar[str]
    """What a prediction is, with its unit."""

    def __init__(self, decoder: nn.Module, loss_weight: float = 1.0, init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg)
        if not isinstance(decoder, nn.Module):
            raise TypeError(f"decoder must be a built mmseg decode head, got {type(decoder).__name__}.")
        found = getattr(decoder, "out_channels", self.channels)
        if found != self.channels:
            raise ValueError(f"{type(self).__name__} needs a decoder with num_classes={self.channels}, got {found}.")
        self.decoder = decoder
        self.loss_weight = loss_weight
        self.align_corners = bool(getattr(decoder, "align_corners", False))

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Raw output (B, channels, h, w) from the features of a backbone."""
        return self.decoder(feats)

    def loss_by_feat(self, raw: Tensor, samples: Sequence[SegDataSample]) -> dict[str, Tensor]:
        """Loss of a raw output, resized bilinearly to the label.

        Args:
            raw: (B, channels, h, w).
            samples: The task's samples, with labels of one size.

        Returns:
            One scalar, named after the task.
        """
        target = stack_labels(samples, self.label_field)
        if len(raw) != len(target):
            raise ValueError(
                f"{type(self).__name__}: output {tuple(raw.shape)} and labels {tuple(target.shape)} differ."
            )
        loss = self.pixel_loss(resize(raw, target.shape[-2:], self.align_corners), target)
        return {self.loss_name: self.loss_weight * loss}

    def predict_by_feat(
        self,
        raw: Tensor,
        metas: Sequence[Mapping[str, Any]],
        sizes: Sequence[Sequence[int]] | None = None,
    ) -> list[Tensor]:
        """Predictions in the units of the task.

        Args:
            raw: (B, channels, h, w).
            metas: Meta information of the images, see :func:`~mmdymu.models.heads.resizing.to_original_size`.
            sizes: Per image, size of the prediction. Default: ``ori_shape``.

        Returns:
            Per image, (channels, H, W).
        """
        wanted = sizes or [meta["ori_shape"][:2] for meta in metas]
        return [self.interpret(maps) for maps in to_original_size(raw, metas, wanted, self.align_corners)]

    def attach(self, raw: Tensor, samples: Sequence[SegDataSample]) -> None:
        """Writes predictions into the samples, in the size of the label or else of the original image.

        Args:
            raw: (B, channels, h, w).
            samples: The task's samples; changed in place.
        """
        sizes = [prediction_size(sample, self.label_field) for sample in samples]
        predictions = self.predict_by_feat(raw, [sample.metainfo for sample in samples], sizes)
        for sample, prediction in zip(samples, predictions, strict=True):
            sample.set_data({name: PixelData(data=data) for name, data in self.fields(prediction).items()})

    @abstractmethod
    def pixel_loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Scalar loss; ``raw`` (B, channels, H, W) has the size of ``target``."""

    @abstractmethod
    def interpret(self, raw: Tensor) -> Tensor:
        """Prediction in the units of the task from a raw output (channels, H, W), or (B, channels, H, W)."""

    @abstractmethod
    def fields(self, prediction: Tensor) -> dict[str, Tensor]:
        """Names and maps that a sample receives for one prediction (channels, H, W)."""


def prediction_size(sample: SegDataSample, label_field: str) -> tuple[int, int]:
    """Size that a prediction must have to be comparable: the label's, else the original image's."""
    label = sample.get(label_field)
    if label is not None:
        return tuple(label.data.shape[-2:])
    if "ori_shape" not in sample.metainfo:
        raise KeyError(f"a sample without {label_field!r} needs 'ori_shape' in its meta information.")
    return tuple(sample.metainfo["ori_shape"][:2])
