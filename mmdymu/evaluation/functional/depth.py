"""Errors of depth maps, over the valid pixels of all images together or as means over images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from .sums import Sums, check_same_shape

__all__ = ["DepthLog", "depth_error_sums", "depth_errors", "depth_image_sums", "depth_mean_errors"]

DepthLog = Literal["natural", "log10"]

# Predictions at or below zero have no logarithm and no ratio; metres.
MIN_DEPTH = 1e-9
DELTAS = (1, 2, 3)
LOG_UNITS = {"natural": 1.0, "log10": math.log(10)}


def depth_error_sums(pred: Tensor, target: Tensor) -> Sums:
    """Sums over the valid pixels of one or more images; ``add_sums`` adds those of others.

    Args:
        pred: Any shape, metres.
        target: The same shape, metres, 0 = invalid.

    Returns:
        Float64 scalars on the CPU: ``pixels`` and one per error.
    """
    check_same_shape("depth", pred, target)
    valid = ((target > 0) & torch.isfinite(target)).flatten().nonzero().squeeze(1)
    p, g = (maps.flatten().index_select(0, valid).double() for maps in (pred, target))
    error, quotient = (p - g).abs_(), p.clamp(min=MIN_DEPTH) / g
    relative, log, ratio = error / g, quotient.log(), torch.maximum(quotient, quotient.reciprocal())
    sums = {
        "pixels": torch.tensor(len(valid), dtype=torch.float64),
        "squared": error.dot(error),
        "squared_log": log.dot(log),
        "abs_rel": relative.sum(),
        "sq_rel": relative.dot(error),
    }
    sums |= {f"delta{k}": torch.count_nonzero(ratio < 1.25**k).double() for k in DELTAS}
    return {name: value.cpu() for name, value in sums.items()}


def depth_errors(sums: Mapping[str, Tensor], log: DepthLog = "natural") -> dict[str, float]:
    """Errors over the pixels of all images together.

    Args:
        sums: From :func:`depth_error_sums`, added up over images.
        log: Logarithm of ``log_rmse``; AdaShare has ``'log10'``.

    Returns:
        ``rmse`` (metres), ``log_rmse``, ``abs_rel``, ``sq_rel`` (metres), ``delta1`` to
        ``delta3``: share of pixels whose larger ratio to the label is below 1.25, 1.25² and 1.25³, in [0, 1].
        NaN without a valid pixel.
    """
    pixels = sums["pixels"].item()
    mean = {name: value.item() / pixels if pixels else math.nan for name, value in sums.items()}
    errors = {"rmse": math.sqrt(mean["squared"]), "log_rmse": math.sqrt(mean["squared_log"]) / LOG_UNITS[log]}
    return errors | {name: mean[name] for name in ("abs_rel", "sq_rel", *(f"delta{k}" for k in DELTAS))}


def depth_image_sums(pred: Tensor, target: Tensor, log: DepthLog = "natural") -> Sums:
    """Errors of one image, to be added up over images; zeros for an image without a valid pixel.

    Args:
        pred: Any shape, metres.
        target: The same shape, metres, 0 = invalid.
        log: See :func:`depth_errors`.

    Returns:
        Float64 scalars on the CPU: ``images``, 1, and the errors of :func:`depth_errors`.
    """
    sums = depth_error_sums(pred, target)
    images = float(sums["pixels"] > 0)
    numbers = {"images": images} | {name: value if images else 0.0 for name, value in depth_errors(sums, log).items()}
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in numbers.items()}


def depth_mean_errors(sums: Mapping[str, Tensor]) -> dict[str, float]:
    """Means over images of the errors of each image, as ASTMT averages its rmse.

    Args:
        sums: From :func:`depth_image_sums`, added up over images.

    Returns:
        As :func:`depth_errors`.
    """
    images = sums["images"].item()
    return {name: value.item() / images if images else math.nan for name, value in sums.items() if name != "images"}
