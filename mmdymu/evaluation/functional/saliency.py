"""Overlap of saliency maps with masks over cut-offs, and F measures over cut-offs, from counts per image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .sums import Sums, check_same_shape

__all__ = [
    "SALIENCY_F_THRESHOLDS",
    "SALIENCY_IOU_THRESHOLDS",
    "quantize_probability",
    "saliency_counts",
    "saliency_image_sums",
    "saliency_max_f",
    "saliency_max_image_f",
    "saliency_max_iou",
]

#: .20, .25, …, .90: ASTMT, MTI-Net, BMTAS.
SALIENCY_IOU_THRESHOLDS = tuple(k / 20 for k in range(4, 19))
#: .05, .10, …, .95: ATRC, InvPT.
SALIENCY_F_THRESHOLDS = tuple(k / 20 for k in range(1, 20))


def quantize_probability(probability: Tensor) -> Tensor:
    """Probabilities as they come back from an image file of one byte per pixel: cut down to 1/255, float64."""
    return (probability.double() * 255).floor() / 255


def saliency_counts(
    probability: Tensor, target: Tensor, thresholds: Sequence[float], inclusive: bool = False, ignore_index: int = 255
) -> Sums:
    """Pixel counts per cut-off of one or more images; ``add_sums`` adds those of others.

    Args:
        probability: Any shape, in [0, 1].
        target: The same shape, 1 = salient, 0 = not, ``ignore_index`` = no label.
        thresholds: T cut-offs t, rising. A pixel is predicted salient if p > t.
        inclusive: If p >= t instead.
        ignore_index: Label of pixels that do not count.

    Returns:
        ``hits`` (salient and predicted so) and ``predicted``, each (T,); ``salient`` and ``pixels``, scalars;
        float64 on the CPU.

    Raises:
        ValueError: If shapes differ, or values lie outside what is allowed.
    """
    check_same_shape("saliency", probability, target)
    valid = target != ignore_index
    p = probability[valid].to(torch.promote_types(probability.dtype, torch.float32))
    salient = target[valid]
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"saliency: predictions from {p.min():g} to {p.max():g} are no probabilities")
    if not ((salient == 0) | (salient == 1)).all():
        raise ValueError(f"saliency: labels {salient.unique().tolist()}, allowed are 0, 1 and {ignore_index}")
    cuts = torch.tensor(thresholds, dtype=p.dtype, device=p.device)
    # Number of cut-offs that a pixel passes; those that pass more than k of them pass cut-off k.
    passed = torch.bucketize(p, cuts, right=inclusive)
    return {
        "hits": _passing(passed[salient == 1], len(cuts)),
        "predicted": _passing(passed, len(cuts)),
        "salient": (salient == 1).sum().double().cpu(),
        "pixels": valid.sum().double().cpu(),
    }


def _passing(passed: Tensor, cuts: int) -> Tensor:
    """Number of pixels that pass each of the cut-offs."""
    return torch.bincount(passed, minlength=cuts + 1).cpu().flip(0).cumsum(0).flip(0)[1:].double()


def saliency_image_sums(counts: Mapping[str, Tensor]) -> Sums:
    """Ratios of one image, to be added up over images; zeros for an image without a labelled pixel.

    Args:
        counts: Of one image, from :func:`saliency_counts`.

    Returns:
        ``iou`` (1 where neither label nor prediction has a salient pixel), ``precision`` and ``recall`` (0 where
        they are 0/0), each (T,); ``images``, 1. Float64.
    """
    hits, predicted, salient = counts["hits"], counts["predicted"], counts["salient"]
    union = predicted + salient - hits
    ratios = {
        "iou": torch.where(union > 0, hits / union, 1.0),
        "precision": (hits / predicted).nan_to_num(0),
        "recall": (hits / salient).nan_to_num(0),
    }
    labelled = (counts["pixels"] > 0).double()
    return {name: value * labelled for name, value in ratios.items()} | {"images": labelled}


def saliency_max_iou(sums: Mapping[str, Tensor]) -> float:
    """Mean over images of the Jaccard index, at the cut-off where it is best: ASTMT, MTI-Net, BMTAS.

    Args:
        sums: From :func:`saliency_image_sums`, added up over images.

    Returns:
        In [0, 1]; NaN without an image.
    """
    return (sums["iou"] / sums["images"]).max().item()


def saliency_max_image_f(sums: Mapping[str, Tensor], beta_squared: float = 1.0) -> float:
    """F of precision and recall averaged over images, at the best cut-off: the maxF of ASTMT.

    Args:
        sums: From :func:`saliency_image_sums`, added up over images.
        beta_squared: Weight of recall against precision.

    Returns:
        In [0, 1]; NaN without an image.
    """
    images = sums["images"]
    return _max_f(sums["precision"] / images, sums["recall"] / images, beta_squared) if images else math.nan


def saliency_max_f(counts: Mapping[str, Tensor], beta_squared: float = 0.3) -> float:
    """F of precision and recall over the pixels of all images together, at the best cut-off: ATRC, InvPT.

    Args:
        counts: From :func:`saliency_counts`, added up over images.
        beta_squared: Weight of recall against precision.

    Returns:
        In [0, 1]; NaN without a labelled pixel.
    """
    if counts["pixels"] == 0:
        return math.nan
    return _max_f(counts["hits"] / counts["predicted"], counts["hits"] / counts["salient"], beta_squared)


def _max_f(precision: Tensor, recall: Tensor, beta_squared: float) -> float:
    f = (1 + beta_squared) * precision * recall / (beta_squared * precision + recall)
    return f.nan_to_num(0).max().item()
