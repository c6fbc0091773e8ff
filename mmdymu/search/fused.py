"""A faster copy of a model for runs of many paths."""

from __future__ import annotations

import copy
import logging

import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.logging import print_log

from mmdymu.models import ControllableNet

from .differences import relative_difference

_TOLERANCE = 1e-3


@torch.no_grad()
def fused_copy(model: ControllableNet) -> ControllableNet:
    """Copies a model with its batch norms folded into the convolutions before them.

    The copy computes the same with running statistics, up to rounding; norms can no longer be shifted or calibrated.
    mmcv takes a norm to follow the convolution that is registered before it. Where that is not so, outputs of a random
    image differ, and the norms stay as they are.

    Args:
        model: Any controllable segmentor; it is left as it is.

    Returns:
        The copy, in evaluation mode.
    """
    plain = copy.deepcopy(model)
    plain.set_norm_statistics("running")
    plain.eval()
    fused = copy.deepcopy(plain)
    try:
        for parts in (*(stream.nodes for stream in fused.backbone.streams), fused.heads):
            fuse_conv_bn(parts).to(memory_format=model.memory_format)
        same = _difference(plain, fused) <= _TOLERANCE
    except (AttributeError, TypeError):  # A norm without parameters.
        same = False
    if same:
        return fused
    text = "norms cannot be folded into the convolutions before them: runs of many networks take longer"
    print_log(text, "current", logging.WARNING)
    return plain


def _difference(model: ControllableNet, other: ControllableNet) -> float:
    """Of the single-task outputs of one random image, relative; NaN if a value is none."""
    like = next(model.parameters())
    image = torch.randn(1, 3, *model.image_size, generator=torch.Generator().manual_seed(0)).to(like)
    return relative_difference(other.run_tree(image, other.anchor_tree), model.run_tree(image, model.anchor_tree))
