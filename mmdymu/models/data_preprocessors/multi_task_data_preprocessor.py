"""From a collated batch to what the model takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import BaseDataElement, PixelData
from torch import Tensor
from torch.nn import functional

from mmdymu.registry import MODELS

__all__ = ["MultiTaskDataPreprocessor"]

# What padding writes into a label map, so that padded pixels count as unlabelled.
LABEL_PAD_VALUES = {"gt_sem_seg": 255, "gt_depth_map": 0, "gt_normals": 0}


@MODELS.register_module()
class MultiTaskDataPreprocessor(BaseDataPreprocessor):
    """Moves a batch to the model's device, normalises and stacks the images, pads images and labels.

    Padding is on the right and at the bottom. Labels are padded in training only; in testing they keep their
    size and predictions are cut to it, as mmseg does. The samples that come in are not changed.

    Args:
        mean: Mean per channel, in the channel order after ``bgr_to_rgb``; None = images are only cast to
            float.
        std: Standard deviation per channel; given if and only if ``mean`` is.
        bgr_to_rgb: Reverse the channels.
        size_divisor: Height and width of the batch are padded to a multiple of this; None = images are padded
            to the largest of the batch only.
        pad_val: Value of padded pixels, after normalisation.
        non_blocking: Copy to the device asynchronously.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        bgr_to_rgb: bool = False,
        size_divisor: int | None = None,
        pad_val: float = 0.0,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking)
        if (mean is None) != (std is None):
            raise ValueError(f"mean and std must be given together, got mean={mean} and std={std}.")
        if size_divisor is not None and size_divisor < 1:
            raise ValueError(f"size_divisor must be a positive integer or None, got {size_divisor}.")
        self.normalize = mean is not None and std is not None
        self.register_buffer("mean", channel_values("mean", mean or [0.0]), persistent=False)
        self.register_buffer("std", channel_values("std", std or [1.0]), persistent=False)
        if bool((self.std <= 0).any()):
            raise ValueError(f"std must be positive, got {std}.")
        self.bgr_to_rgb = bgr_to_rgb
        self.size_divisor = size_divisor
        self.pad_val = pad_val

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Prepares a batch.

        Args:
            data: ``inputs``, a list of (3, H, W) or (B, 3, H, W), or absent or None where a step needs no
                image; ``data_samples``, a list of MultiTaskDataSample or None. Other keys are handed on as
                they are.
            training: Whether labels are padded with the images.

        Returns:
            The same keys; ``inputs`` is (B, 3, H, W) float or None.
        """
        inputs = self.cast_data(data.get("inputs"))
        samples = self.cast_data(data.get("data_samples"))
        if inputs is None:
            return {**data, "inputs": None, "data_samples": samples}
        sizes = [check_image(image) for image in inputs]
        padded = self.padded_size(sizes)
        if samples is not None:
            if len(samples) != len(sizes):
                raise ValueError(f"{len(sizes)} inputs and {len(samples)} data_samples do not match.")
            for sample, size in zip(samples, sizes, strict=True):
                pad_sample(sample, size, padded, with_labels=training)
        return {**data, "inputs": self.stack(inputs, padded), "data_samples": samples}

    def padded_size(self, sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """Height and width of the batch."""
        divisor = self.size_divisor or 1
        height, width = (max(size[axis] for size in sizes) for axis in (0, 1))
        return math.ceil(height / divisor) * divisor, math.ceil(width / divisor) * divisor

    def stack(self, images: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Normalised images in one float tensor (B, 3, *size), written in place: no copy but this one."""
        batch = torch.empty((len(images), 3, *size), dtype=torch.float32, device=images[0].device)
        for target, image in zip(batch, images, strict=True):
            height, width = image.shape[-2:]
            if (height, width) != size:
                target.fill_(self.pad_val)
            area = target[:, :height, :width]
            for channel in range(3):
                area[channel].copy_(image[2 - channel if self.bgr_to_rgb else channel])
            if self.normalize:
                area.sub_(self.mean).div_(self.std)
        return batch


def channel_values(name: str, values: Sequence[float]) -> Tensor:
    """(1 or 3, 1, 1)."""
    if len(values) not in (1, 3):
        raise ValueError(f"{name} must have 1 or 3 values, got {list(values)}.")
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)


def check_image(image: Tensor) -> tuple[int, int]:
    """Height and width of an image that must be (3, H, W)."""
    if image.ndim != 3 or image.size(0) != 3:
        raise ValueError(f"every input must have shape (3, H, W), got {tuple(image.shape)}.")
    return image.size(1), image.size(2)


def pad_sample(sample: BaseDataElement, size: tuple[int, int], padded: tuple[int, int], with_labels: bool) -> None:
    """Notes the sizes in a sample and in every task's sample inside, and pads the labels if wanted."""
    padding = (0, padded[1] - size[1], 0, padded[0] - size[0])
    # Both names: mmseg writes the first in training and the second in testing, and reads either.
    meta = {
        "img_shape": size,
        "pad_shape": padded,
        "padding_size": padding,
        "img_padding_size": padding,
        "labels_padded": with_labels,
    }
    sample.set_metainfo(meta)
    for inner in sample.values():
        if not isinstance(inner, BaseDataElement):
            continue
        inner.set_metainfo(meta)
        if with_labels and padded != size:
            pad_labels(inner, size, padding)


def pad_labels(sample: BaseDataElement, size: tuple[int, int], padding: tuple[int, ...]) -> None:
    """Pads the label maps of one task."""
    for field, value in LABEL_PAD_VALUES.items():
        if field not in sample:
            continue
        label = sample.get(field).data
        if tuple(label.shape[-2:]) != size:
            path = sample.get("img_path", "a sample")
            raise ValueError(f"{path}: {field} {tuple(label.shape)} does not fit the image {size}.")
        sample.set_data({field: PixelData(data=functional.pad(label, padding, value=value))})
