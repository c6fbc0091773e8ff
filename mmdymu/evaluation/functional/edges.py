"""Counts of predicted, labelled and matched edge pixels, per threshold."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .edge_matching import EdgeMatcher
from .edge_nms import suppress_non_maxima
from .edge_protocol import EdgeProtocol
from .edge_scores import f_measures
from .edge_thinning import label_boundaries, thin_edges
from .sums import Sums, check_same_shape

__all__ = ["count_edges", "edge_arrays", "edge_counts"]


def edge_counts(pred: Tensor, target: Tensor, protocol: EdgeProtocol | None = None) -> Sums:
    """Counts of one image; ``add_sums`` adds those of others.

    A padded image counts as the image without its padding: what lies outside the bounding box of the labelled
    pixels is cut off first. Other ignored pixels are taken out after non-maximum suppression and before thinning.

    Args:
        pred: (..., H, W) of one image, probabilities in [0, 1].
        target: The same shape, see :class:`EdgeProtocol`.
        protocol: Default: ``EdgeProtocol()``.

    Returns:
        Float64 on the CPU. Per threshold, (T,): ``matched`` pairs (each is a matched prediction and a matched
        label) and ``total_pred``, predicted edge pixels. Scalars: ``total_gt``, labelled edge pixels;
        ``best_matched`` and ``best_total_pred`` at the image's own best threshold, the lowest of several;
        ``pixels``, labelled pixels, edges or not.

    Raises:
        ValueError: If the shapes differ, hold several images, or values are out of range.
    """
    protocol = protocol or EdgeProtocol()
    counts = count_edges(*edge_arrays(pred, target, protocol), protocol)
    return {name: torch.from_numpy(value) for name, value in counts.items()}


def edge_arrays(pred: Tensor, target: Tensor, protocol: EdgeProtocol) -> tuple[np.ndarray, np.ndarray]:
    """What :func:`count_edges` takes, checked: small arrays that can go to another process.

    Args:
        pred: See :func:`edge_counts`.
        target: See :func:`edge_counts`.
        protocol: The protocol.

    Returns:
        Prediction, (H, W) uint8 from 0 to 255 or float32 from 0 to 1, and label, (H, W) int32.

    Raises:
        ValueError: See :func:`edge_counts`.
    """
    check_same_shape("edges", pred, target)
    if pred.ndim < 2 or pred.shape[:-2].numel() != 1:
        raise ValueError(f"edges: shape {tuple(pred.shape)} is not that of one image, (H, W) or (1, H, W).")
    pred, target = pred.detach().reshape(pred.shape[-2:]), target.reshape(target.shape[-2:])
    if pred.numel() and not bool(((pred >= 0) & (pred <= 1)).all()):
        low, high = pred.min().item(), pred.max().item()
        raise ValueError(f"edges: predictions from {low} to {high} are not probabilities in [0, 1].")
    values = set(target.unique().tolist()) - {0, 1, protocol.ignore_index} if protocol.label == "edges" else set()
    if values:
        raise ValueError(
            f"edges: labels {sorted(values)[:5]}; an edge map has 1 on edges, else 0, and {protocol.ignore_index} "
            f"where unknown. Maps of regions need label='regions'."
        )
    pred = (pred.float() * 255).round().to(torch.uint8) if protocol.quantize else pred.float()
    return pred.cpu().numpy(), target.to(torch.int32).cpu().numpy()


def count_edges(pred: np.ndarray, target: np.ndarray, protocol: EdgeProtocol) -> dict[str, np.ndarray]:
    """As :func:`edge_counts`, from arrays to arrays, which are small enough to go to other processes.

    Args:
        pred: See :func:`edge_arrays`.
        target: See :func:`edge_arrays`.
        protocol: The protocol.

    Returns:
        See :func:`edge_counts`.
    """
    thresholds = np.array(protocol.thresholds, np.float32)
    matched, total_pred = np.zeros((2, len(thresholds)))
    valid = target != protocol.ignore_index
    pixels = np.count_nonzero(valid)
    box = _bounding_box(valid) if pixels else (slice(0), slice(0))
    pred, target, valid = pred[box], target[box], valid[box]
    matcher = EdgeMatcher(_labelled_edges(target, valid, protocol), protocol.max_distance)
    levels = _levels(pred, valid, thresholds, protocol)
    matching = None
    for index in range(len(thresholds)):
        if index and not (levels == index).any():  # No probability between this threshold and the one before.
            matched[index], total_pred[index] = matched[index - 1], total_pred[index - 1]
            continue
        edges = thin_edges(levels > index)
        total_pred[index] = np.count_nonzero(edges)
        # Maps of neighbouring thresholds are alike: what is matched is a good start for the next.
        matching = matcher.match(edges, start=matching)
        matched[index] = np.count_nonzero(matching >= 0)
    best = int(f_measures(matched, total_pred, matcher.total)[2].argmax())
    return {
        "matched": matched,
        "total_pred": total_pred,
        "total_gt": np.array(float(matcher.total)),
        "best_matched": np.array(matched[best]),
        "best_total_pred": np.array(total_pred[best]),
        "pixels": np.array(float(pixels)),
    }


def _labelled_edges(target: np.ndarray, valid: np.ndarray, protocol: EdgeProtocol) -> np.ndarray:
    """Thin edges of the label, (H, W) bool."""
    regions = protocol.label == "regions"
    edges = label_boundaries(target, protocol.ignore_index) if regions else (target == 1) & valid
    return thin_edges(edges)


def _levels(pred: np.ndarray, valid: np.ndarray, thresholds: np.ndarray, protocol: EdgeProtocol) -> np.ndarray:
    """How many thresholds a pixel passes; 0 for ignored ones. (H, W) integers."""
    prob = pred / np.float32(255) if pred.dtype == np.uint8 else pred
    if protocol.suppresses:
        prob = suppress_non_maxima(prob)
    # Thresholds and probabilities in the same precision: 0.2 and 51 / 255 are equal.
    passed = np.searchsorted(thresholds, prob, side="right" if protocol.inclusive else "left").astype(np.uint8)
    return np.where(valid, passed, 0)


def _bounding_box(mask: np.ndarray) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
