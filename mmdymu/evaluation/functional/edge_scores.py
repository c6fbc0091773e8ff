"""Scores of edges from counts: odsF, oisF and AP."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

__all__ = ["edge_scores", "f_measures"]


def f_measures(matched: np.ndarray, total_pred: np.ndarray, total_gt: float) -> tuple[np.ndarray, ...]:
    """Precision, recall and their harmonic mean, per threshold.

    Without a labelled edge, recall is 1 and precision 0; otherwise, without a predicted one, recall is 0 and
    precision 1. Both give F = 0.

    Args:
        matched: (T,) matches.
        total_pred: (T,) predicted edge pixels.
        total_gt: Labelled edge pixels.

    Returns:
        Precision, recall and F, each (T,) in [0, 1].
    """
    if total_gt == 0:
        return np.zeros_like(matched), np.ones_like(matched), np.zeros_like(matched)
    precision = np.where(total_pred > 0, matched / np.maximum(total_pred, 1), 1)
    recall = matched / total_gt
    # The same as 2PR / (P + R) where something is predicted, and 0 where nothing is.
    return precision, recall, 2 * matched / (total_pred + total_gt)


def edge_scores(sums: Mapping[str, Tensor], thresholds: Sequence[float]) -> dict[str, float]:
    """Scores from sums over images.

    Args:
        sums: From :func:`~mmdymu.evaluation.functional.edge_counts`, added up over images.
        thresholds: (T,), of the protocol.

    Returns:
        ``odsF``: the highest F over thresholds; ``oisF``: F of the counts at every image's own best threshold;
        ``AP``: mean precision, interpolated at the 101 recalls 0, 0.01 … 1 and divided by 100 as the benchmarks do,
        0 beyond the recalls that occur; all per cent. ``threshold``: the lowest that reaches odsF. NaN without a
        labelled pixel.
    """
    if sums["pixels"].item() == 0:
        return dict.fromkeys(("odsF", "oisF", "AP", "threshold"), math.nan)
    matched, total_pred, total_gt = (sums[name].numpy() for name in ("matched", "total_pred", "total_gt"))
    precision, recall, f_of_thresholds = f_measures(matched, total_pred, total_gt.item())
    best = int(f_of_thresholds.argmax())
    own_best = f_measures(sums["best_matched"].numpy(), sums["best_total_pred"].numpy(), total_gt.item())[2]
    return {
        "odsF": 100 * float(f_of_thresholds[best]),
        "oisF": 100 * float(own_best),
        "AP": 100 * _average_precision(precision, recall),
        "threshold": float(thresholds[best]),
    }


def _average_precision(precision: np.ndarray, recall: np.ndarray) -> float:
    """Of thresholds with equal recall, the highest counts."""
    recalls, first_from_behind = np.unique(recall[::-1], return_index=True)
    at = np.arange(101) / 100
    return float(np.interp(at, recalls, precision[::-1][first_from_behind], left=0, right=0).sum() / 100)
