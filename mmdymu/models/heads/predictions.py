"""One way to predictions and losses for every head, mmseg's included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from .dense_head import DenseHead, prediction_size
from .resizing import to_original_size

__all__ = ["attach_predictions", "attach_segmentation", "head_loss"]


def attach_predictions(head: nn.Module, raw: Tensor, samples: Sequence[SegDataSample]) -> Sequence[SegDataSample]:
    """Writes the predictions of one task into its samples.

    Args:
        head: A head of this package, or any mmseg decode head.
        raw: (B, C, h, w), what the head's ``forward`` gave.
        samples: The task's samples; changed in place.

    Returns:
        The same samples.
    """
    if len(raw) != len(samples):
        raise ValueError(f"{type(head).__name__}: output {tuple(raw.shape)} does not fit {len(samples)} samples.")
    if isinstance(head, DenseHead):
        head.attach(raw, samples)
    else:
        attach_segmentation(head, raw, samples)
    return samples


def attach_segmentation(head: nn.Module, raw: Tensor, samples: Sequence[SegDataSample]) -> None:
    """Writes ``seg_logits`` (C, H, W) and ``pred_sem_seg`` (1, H, W), the likeliest class, into samples.

    A head with one channel is a two-class head: ``seg_logits`` is then the probability and the head's
    threshold decides.

    Args:
        head: mmseg decode head.
        raw: (B, C, h, w), logits.
        samples: The task's samples; changed in place.
    """
    sizes = [prediction_size(sample, "gt_sem_seg") for sample in samples]
    metas = [sample.metainfo for sample in samples]
    align_corners = bool(getattr(head, "align_corners", False))
    for sample, logits in zip(samples, to_original_size(raw, metas, sizes, align_corners), strict=True):
        if logits.size(0) == 1:
            logits = logits.sigmoid()
            label = (logits > getattr(head, "threshold", 0.5)).long()
        else:
            label = logits.max(dim=0, keepdim=True).indices  # argmax, in a fraction of its time on a CPU
        sample.set_data({"seg_logits": PixelData(data=logits), "pred_sem_seg": PixelData(data=label)})


def head_loss(head: nn.Module, raw: Tensor, samples: Sequence[SegDataSample]) -> tuple[Tensor, dict[str, Tensor]]:
    """One scalar to minimise, and what to log.

    Args:
        head: A head of this package, or any mmseg decode head.
        raw: (B, C, h, w), what the head's ``forward`` gave.
        samples: The task's samples, with labels.

    Returns:
        Sum of the entries with "loss" in their name, and the other entries, detached.
    """
    # nn.Module types its attributes as tensors or modules.
    return add_up(head, head.loss_by_feat(raw, samples))  # type: ignore[operator]


def add_up(head: nn.Module, entries: Mapping[str, Tensor | Sequence[Tensor]]) -> tuple[Tensor, dict[str, Tensor]]:
    """Sum of a head's entries with "loss" in their name, and the other entries, detached."""
    losses = [scalar(value) for name, value in entries.items() if "loss" in name]
    if not losses:
        raise ValueError(f"{type(head).__name__} gave no entry with 'loss' in its name: {sorted(entries)}.")
    logs = {name: scalar(value).detach() for name, value in entries.items() if "loss" not in name}
    return torch.stack(losses).sum(), logs


def scalar(value: Tensor | Sequence[Tensor]) -> Tensor:
    """Mean of an entry; mmengine allows a list of tensors, each of which then counts with its mean."""
    if isinstance(value, Tensor):
        return value.mean()
    return torch.stack([part.mean() for part in value]).sum()
