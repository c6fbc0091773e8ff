"""Losses and predictions of mmpretrain's classification heads."""

from __future__ import annotations

from collections.abc import Sequence

from mmpretrain.structures import DataSample
from torch import Tensor, nn

from .predictions import add_up

__all__ = ["attach_classes", "class_loss"]


def class_loss(head: nn.Module, raw: Tensor, samples: Sequence[DataSample]) -> tuple[Tensor, dict[str, Tensor]]:
    """One scalar to minimise, and what to log.

    Args:
        head: A head of mmpretrain with one tensor of logits.
        raw: (B, C), what the head's ``forward`` gave.
        samples: B samples with ``gt_label``.

    Returns:
        Sum of the entries with "loss" in their name, and the other entries, detached.

    Raises:
        ValueError: If a sample has no label.
    """
    unlabelled = next((sample for sample in samples if "gt_label" not in sample), None)
    if unlabelled is not None:
        raise ValueError(f"{unlabelled.get('img_path', 'a sample')} has no gt_label, which a loss needs")
    # The head's own ``loss`` would run the head once more; nn.Module types its attributes as tensors or modules.
    return add_up(head, head._get_loss(raw, list(samples)))  # type: ignore[operator]


def attach_classes(head: nn.Module, raw: Tensor, samples: Sequence[DataSample]) -> None:
    """Writes ``pred_score`` (C,), probabilities, and ``pred_label`` (1,), the likeliest class, into samples.

    Args:
        head: A head of mmpretrain with one tensor of logits.
        raw: (B, C), what the head's ``forward`` gave.
        samples: B samples; changed in place.
    """
    head._get_predictions(raw, list(samples))  # type: ignore[operator]
