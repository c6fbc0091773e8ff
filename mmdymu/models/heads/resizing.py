"""From the grid of a head to the grid of a label and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn import functional

__all__ = ["pick", "resize", "stack_labels", "to_original_size"]


def resize(maps: Tensor, size: Sequence[int], align_corners: bool = False) -> Tensor:
    """Bilinear resizing of (B, C, h, w) to (B, C, *size); the input itself if it has this size."""
    height, width = int(size[0]), int(size[1])
    if maps.shape[-2:] == (height, width):
        return maps
    return functional.interpolate(maps, size=(height, width), mode="bilinear", align_corners=align_corners)


def pick(label: Tensor, size: Sequence[int]) -> Tensor:
    """(C, H, W) label at another size: each pixel from the middle of its cell, no value is averaged."""
    height, width = label.shape[-2:]
    rows = ((torch.arange(size[0], device=label.device) + 0.5) * height / size[0]).long()
    columns = ((torch.arange(size[1], device=label.device) + 0.5) * width / size[1]).long()
    return label[..., rows[:, None], columns]


def stack_labels(samples: Sequence[SegDataSample], field: str) -> Tensor:
    """Stacks one label map of every sample.

    Args:
        samples: One task's samples of a batch.
        field: Name of the label, such as ``'gt_depth_map'``.

    Returns:
        (B, C, H, W).

    Raises:
        KeyError: If a sample has no such label.
        ValueError: If the labels of the batch have different sizes.
    """
    for sample in samples:
        if field not in sample:
            raise KeyError(f"{sample.get('img_path', 'a sample')} has no {field!r}; it has {sorted(sample.keys())}.")
    labels = [sample.get(field).data for sample in samples]
    shapes = {tuple(label.shape) for label in labels}
    if len(shapes) > 1:
        raise ValueError(
            f"{field}: labels of one batch differ in size: {sorted(shapes)}; crop or pad them to one size."
        )
    return torch.stack(labels)


def to_original_size(
    raw: Tensor,
    metas: Sequence[Mapping[str, Any]],
    sizes: Sequence[Sequence[int]],
    align_corners: bool = False,
) -> list[Tensor]:
    """Resizes raw outputs to the network's input, cuts the padding away and resizes to the wanted sizes.

    Args:
        raw: (B, C, h, w).
        metas: Per image ``img_shape`` (size without padding), ``pad_shape`` (size that the network saw;
            default ``img_shape``), ``img_padding_size`` or ``padding_size`` (left, right, top, bottom;
            default: right and bottom) and ``labels_padded`` (True keeps the padding where the wanted size is
                ``pad_shape``).
        sizes: Per image, height and width to return.
        align_corners: As the head does it.

    Returns:
        Per image, (C, H, W).
    """
    if not len(raw) == len(metas) == len(sizes):
        raise ValueError(f"{len(raw)} outputs, {len(metas)} metas and {len(sizes)} sizes do not match.")
    results = []
    for index, (meta, size) in enumerate(zip(metas, sizes, strict=True)):
        image_size = meta.get("img_shape") or size
        seen_size = tuple((meta.get("pad_shape") or image_size)[:2])
        maps = resize(raw[index : index + 1], seen_size, align_corners)
        if not (meta.get("labels_padded") and tuple(size) == seen_size):
            maps = cut_padding(maps, meta, image_size)
        results.append(resize(maps, size, align_corners)[0])
    return results


def cut_padding(whole: Tensor, meta: Mapping[str, Any], image_size: Sequence[int]) -> Tensor:
    """The part of (1, C, H, W) that shows the image."""
    padding = meta.get("img_padding_size") or meta.get("padding_size")
    if padding is None:
        return whole[..., : image_size[0], : image_size[1]]
    left, right, top, bottom = padding
    return whole[..., top : whole.size(-2) - bottom, left : whole.size(-1) - right]
