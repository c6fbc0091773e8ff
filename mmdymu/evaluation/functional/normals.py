"""Angles between predicted and true surface normals, pooled over the valid pixels of all images."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from .sums import Sums, check_same_shape

__all__ = ["normals_angles", "normals_error_sums", "normals_errors"]

BIN_WIDTH = 0.01
NUM_BINS = 18_000
LIMITS = (11.25, 22.5, 30.0)


def normals_angles(pred: Tensor, target: Tensor) -> Tensor:
    """Angle by atan2(‖a × b‖, a · b): exact near 0 and 180 degrees, where the arc cosine is not, for any lengths.

    Args:
        pred: (3, N), vectors of any length; a zero vector counts as 90 degrees off.
        target: (3, N), vectors of any length but zero.

    Returns:
        (N,), degrees in [0, 180], float64.
    """
    # Components side by side, and squares by hand: strides of three and reductions over an axis of three are slow.
    (x, y, z), (u, v, w) = (maps.to(torch.float64, memory_format=torch.contiguous_format) for maps in (pred, target))
    a, b, c = ((p * q).addcmul_(r, s, value=-1) for p, q, r, s in ((y, w, z, v), (z, u, x, w), (x, v, y, u)))
    across = (a * a).addcmul_(b, b).addcmul_(c, c).sqrt_()
    along = (x * u).addcmul_(y, v).addcmul_(z, w)
    angles = torch.rad2deg(torch.atan2(across, along))
    return angles.masked_fill_((across == 0) & (along == 0), 90.0)


def normals_error_sums(pred: Tensor, target: Tensor) -> Sums:
    """Sums over the valid pixels of one or more images; ``add_sums`` adds those of others.

    Args:
        pred: (3, H, W) or (B, 3, H, W).
        target: The same shape, (0, 0, 0) = invalid.

    Returns:
        On the CPU: ``pixels``, ``angle``, ``squared`` and one count per limit, float64; ``histogram``, pixels
        per 0.01 degree, int64.
    """
    check_same_shape("normals", pred, target)
    p, g = (maps.movedim(-3, 0).flatten(1) for maps in (pred, target))
    valid = ((g[0] != 0) | (g[1] != 0) | (g[2] != 0)).nonzero().squeeze(1)
    angles = normals_angles(p, g).index_select(0, valid)  # a sixth of the numbers that the maps have to pick from
    bins = (angles / BIN_WIDTH).long().clamp(max=NUM_BINS - 1)
    sums = {
        "pixels": torch.tensor(len(valid), dtype=torch.float64),
        "angle": angles.sum(),
        "squared": angles.dot(angles),
        "histogram": torch.bincount(bins, minlength=NUM_BINS),
    }
    sums |= {f"within_{limit:g}": torch.count_nonzero(angles < limit).double() for limit in LIMITS}
    return {name: value.cpu() for name, value in sums.items()}


def normals_errors(sums: Mapping[str, Tensor]) -> dict[str, float]:
    """Errors from sums.

    Args:
        sums: From :func:`normals_error_sums`, added up over images.

    Returns:
        ``mean``, ``median`` (exact to 0.005) and ``rmse``, degrees; ``within_11.25``, ``within_22.5`` and
        ``within_30``, per cent of pixels. NaN without a valid pixel.
    """
    pixels = sums["pixels"].item()
    mean = {name: sums[name].item() / pixels if pixels else math.nan for name in sums if name != "histogram"}
    errors = {
        "mean": mean["angle"],
        "median": histogram_median(sums["histogram"]) * BIN_WIDTH,
        "rmse": math.sqrt(mean["squared"]),
    }
    return errors | {name: 100 * mean[name] for name in (f"within_{limit:g}" for limit in LIMITS)}


def histogram_median(histogram: Tensor) -> float:
    """Median in bins, each value taken at the middle of its bin; the mean of the middle two if even."""
    cumulative = histogram.cumsum(0)
    total = int(cumulative[-1])
    if total == 0:
        return math.nan
    middle = torch.tensor([(total + 1) // 2, total // 2 + 1])
    return float(torch.searchsorted(cumulative, middle).double().mean()) + 0.5
