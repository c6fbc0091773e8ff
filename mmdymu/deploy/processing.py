"""What stands before and behind the heads of a fixed network: normalising images, and final maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdymu.models import MultiTaskDataPreprocessor
from mmdymu.models.heads.dense_head import DenseHead

__all__ = ["Normalise", "Postprocess", "output_meaning"]


class Normalise(nn.Module):
    """Does to a batch of one size what the data preprocessor does, bit for bit.

    Images may be resized first, as a pipeline does; bilinearly, without rounding to bytes.

    Args:
        mean: (1 or 3, 1, 1), or None to leave the values as they are.
        std: Likewise.
        reverse: Whether the channels are reversed.
        divisor: Height and width are padded to a multiple of it, on the right and at the bottom.
        pad_value: Value of padded pixels.
        size: (height, width) to resize images to; None leaves them as they are.
    """

    mean: Tensor
    std: Tensor
    like: Tensor

    def __init__(
        self,
        mean: Tensor | None,
        std: Tensor | None,
        reverse: bool,
        divisor: int | None,
        pad_value: float,
        size: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        # Of no elements: it follows the network's casts, and so tells in which type the layers compute.
        self.register_buffer("like", torch.empty(0))
        self.reverse, self.divisor, self.pad_value = reverse, divisor or 1, pad_value
        self.size = None if size is None else (int(size[0]), int(size[1]))

    @classmethod
    def of(cls, preprocessor: nn.Module, size: Sequence[int] | None = None) -> Normalise:
        """That of a model.

        Raises:
            TypeError: If the model's data preprocessor is of another kind.
        """
        if not isinstance(preprocessor, MultiTaskDataPreprocessor):
            raise TypeError(
                f"preprocess=True reads the settings of a MultiTaskDataPreprocessor, the model has a "
                f"{type(preprocessor).__name__}: normalise outside, with preprocess=False"
            )
        mean, std = (
            value.clone() if preprocessor.normalize else None for value in (preprocessor.mean, preprocessor.std)
        )
        return cls(mean, std, preprocessor.bgr_to_rgb, preprocessor.size_divisor, preprocessor.pad_val, size)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H', W') in the type that the network has been cast to, float32 at first, from (B, 3, H, W) of any."""
        x = images.flip((1,)) if self.reverse else images
        x = x.float()
        if self.size is not None:
            x = functional.interpolate(x, size=self.size, mode="bilinear", align_corners=False)
        if self.mean is not None:
            x = (x - self.mean) / self.std
        if self.divisor > 1:
            below = (self.divisor - x.size(2) % self.divisor) % self.divisor
            right = (self.divisor - x.size(3) % self.divisor) % self.divisor
            x = functional.pad(x, (0, right, 0, below), value=self.pad_value)
        # Normalised in float32 at least: bytes of a half network keep their digits.
        return x.type_as(self.like)


class Postprocess(nn.Module):
    """Final maps in the size of the images that came in.

    Heads of this package say themselves what their output means; mmseg's give labels, or a probability where they have
    one channel; a classifier's give probabilities.

    Args:
        head: Whose output is interpreted.
        size: (height, width) that images were resized to, without padding; None if they were not.
    """

    def __init__(self, head: nn.Module, size: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.size = size
        self.interpret = _interpreter(head)
        self.is_dense = hasattr(head, "align_corners")
        self.align_corners = bool(getattr(head, "align_corners", False))

    def forward(self, raw: Tensor, x: Tensor, images: Tensor) -> Tensor:
        """Final output of one task.

        Args:
            raw: (B, C, h, w) or (B, C), what the head gave.
            x: (B, 3, H', W'), what the network saw.
            images: (B, 3, H, W), what came in.

        Returns:
            (B, 1, H, W) labels (int64), metres or probabilities, (B, 3, H, W) unit normals, or (B, C) probabilities.
        """
        if not self.is_dense:
            return self.interpret(raw)
        size = (x.size(2), x.size(3))
        maps = functional.interpolate(raw, size=size, mode="bilinear", align_corners=self.align_corners)
        if self.size is not None:
            whole = (images.size(2), images.size(3))
            maps = maps[:, :, : self.size[0], : self.size[1]]
            maps = functional.interpolate(maps, size=whole, mode="bilinear", align_corners=self.align_corners)
        elif x is not images:
            maps = maps[:, :, : images.size(2), : images.size(3)]
        return self.interpret(maps)


def _interpreter(head: nn.Module) -> Any:
    if isinstance(head, DenseHead):
        return head.interpret
    if not hasattr(head, "align_corners"):
        return _class_probabilities
    return _probability if getattr(head, "out_channels", None) == 1 else _labels


def _labels(logits: Tensor) -> Tensor:
    return logits.argmax(dim=1, keepdim=True)


def _probability(logits: Tensor) -> Tensor:
    return logits.sigmoid()


def _class_probabilities(logits: Tensor) -> Tensor:
    return torch.softmax(logits, dim=1)


def output_meaning(head: nn.Module) -> str:
    """What a final map of a head is, with its unit."""
    if isinstance(head, DenseHead):
        return head.meaning
    names = {_class_probabilities: "probabilities of classes", _probability: "probability", _labels: "class numbers"}
    return names[_interpreter(head)]
