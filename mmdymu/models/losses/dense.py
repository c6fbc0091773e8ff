"""Losses of the dense tasks that mmseg lacks: depth, surface normals, edges, saliency.

Every function takes a raw network output that already has the size of its label and returns a scalar. Pixels
without a valid label add nothing; a batch without any valid pixel gives a zero that still depends on the
output, so that ``backward`` works. Losses are computed in float32, also under mixed precision.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["depth_loss", "normals_loss", "weighted_bce_loss"]

DepthLoss = Literal["l1", "l1_sobel"]
NormalsLoss = Literal["l1_pixels", "l1_elements", "cosine"]
Divisor = Literal["valid", "all"]

# Short vectors are divided by this instead of their norm; 1e-12 would let the gradient at zero explode.
NORM_EPS = 1e-6


def depth_loss(pred: Tensor, target: Tensor, kind: DepthLoss = "l1") -> Tensor:
    """Masked distance between depth maps.

    ``'l1'`` is the mean absolute error over valid pixels (Vandenhende, ATRC, InvPT). ``'l1_sobel'`` adds the
    absolute differences of the Sobel gradients in x and y (ASTMT), here only where the whole 3 x 3 window is
    valid.

    Args:
        pred: (B, 1, H, W), metres.
        target: (B, 1, H, W), metres, 0 = invalid.
        kind: Which distance.

    Returns:
        Scalar.
    """
    check_option("kind", kind, DepthLoss)
    check_same_shape("depth_loss", pred, target)
    valid = (target > 0) & torch.isfinite(target)
    error = pred.float() - torch.where(valid, target.float(), pred.detach().float())
    divisor = valid.sum().clamp(min=1)
    loss = error.abs().sum() / divisor
    if kind == "l1_sobel":
        # The Sobel filter is linear: the gradient of the error is the difference of the gradients.
        loss = loss + sobel_magnitude(error, valid).sum() / divisor
    return loss


def sobel_magnitude(image: Tensor, valid: Tensor) -> Tensor:
    """|d/dx| + |d/dy| of (B, 1, H, W) by 3 x 3 Sobel filters, 0 where a window has an invalid pixel."""
    across = image.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    kernels = torch.stack([across, across.t()]).unsqueeze(1)
    whole = functional.conv2d(valid.float(), torch.ones_like(kernels[:1])) == 9
    return functional.conv2d(image, kernels).abs().sum(dim=1, keepdim=True) * whole


def normals_loss(raw: Tensor, target: Tensor, kind: NormalsLoss = "l1_pixels") -> Tensor:
    """Distance between directions; the raw output is scaled to unit length first.

    ``'l1_pixels'`` divides the sum of absolute differences by the number of valid pixels (BMTAS, ATRC,
    InvPT), ``'l1_elements'`` by three times that (ASTMT, Vandenhende), ``'cosine'`` is 1 minus the mean
    cosine (MTAN, AdaShare).

    Args:
        raw: (B, 3, H, W), vectors of any length.
        target: (B, 3, H, W), unit vectors, (0, 0, 0) = invalid.
        kind: Which distance.

    Returns:
        Scalar.
    """
    check_option("kind", kind, NormalsLoss)
    check_same_shape("normals_loss", raw, target)
    valid = (target != 0).any(dim=1, keepdim=True)
    pixels = valid.sum().clamp(min=1)
    unit = functional.normalize(raw.float(), dim=1, eps=NORM_EPS)
    if kind == "cosine":
        return ((1 - (unit * target).sum(dim=1, keepdim=True)) * valid).sum() / pixels
    total = ((unit - target).abs() * valid).sum()
    return total / (pixels if kind == "l1_pixels" else raw.size(1) * pixels)


def weighted_bce_loss(
    logits: Tensor,
    target: Tensor,
    pos_weight: float | None = None,
    divisor: Divisor = "valid",
    ignore_index: int = 255,
) -> Tensor:
    """Binary cross-entropy with weight w on positive and 1 - w on negative pixels: edges and saliency.

    L = 1/M · [w Σ_{y=1} softplus(-x) + (1 - w) Σ_{y=0} softplus(x)]. A fixed w (0.95) is usual for edges;
    without one, w is the share of negatives among the valid pixels of the batch (HED, Xie and Tu 2015).

    Args:
        logits: (B, 1, H, W).
        target: (B, 1, H, W), 1 = positive, 0 = negative, ``ignore_index`` = no label.
        pos_weight: w in [0, 1], or None for the share of negatives.
        divisor: M, the number of ``'valid'`` pixels (BMTAS, ATRC, InvPT) or of ``'all'`` pixels (ASTMT,
            Vandenhende).
        ignore_index: Label of pixels that do not count.

    Returns:
        Scalar.
    """
    check_option("divisor", divisor, Divisor)
    check_same_shape("weighted_bce_loss", logits, target)
    valid = target != ignore_index
    positive = (target == 1).float()
    count = valid.sum()
    weight = 1 - positive.sum() / count.clamp(min=1) if pos_weight is None else positive.new_tensor(pos_weight)
    pixel_weight = torch.where(target == 1, weight, 1 - weight) * valid
    total = (
        functional.binary_cross_entropy_with_logits(logits.float(), positive, reduction="none") * pixel_weight
    ).sum()
    return total / (count.clamp(min=1) if divisor == "valid" else max(target.numel(), 1))


def check_same_shape(function: str, pred: Tensor, target: Tensor) -> None:
    """Raises a ValueError that names both shapes unless they are equal."""
    if pred.shape != target.shape:
        raise ValueError(
            f"{function}: prediction {tuple(pred.shape)} and target {tuple(target.shape)} differ in shape."
        )


def check_option(name: str, value: object, allowed: object) -> None:
    """Raises a ValueError unless ``value`` is one of a Literal's values."""
    if value not in get_args(allowed):
        raise ValueError(f"{name} must be one of {list(get_args(allowed))}, got {value!r}.")
