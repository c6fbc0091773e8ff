"""Scores of edges by hand and by plain arithmetic."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from mmdymu.evaluation.functional import Sums, edge_scores
from mmdymu.evaluation.functional.edge_scores import f_measures


def sums_of(matched: list[float], total_pred: list[float], total_gt: float, best: tuple[float, float]) -> Sums:
    values = {"matched": matched, "total_pred": total_pred, "total_gt": total_gt, "pixels": 1000.0}
    values |= {"best_matched": best[0], "best_total_pred": best[1]}
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}


def test_worked_example() -> None:
    """P = .4, .75, 1; R = .8, .6, .2; F = 8/15, 2/3, 1/3. AP: 20 recalls below .2 have none."""
    scores = edge_scores(sums_of([8, 6, 2], [20, 8, 2], 10, best=(7, 9)), (0.2, 0.5, 0.9))
    rising = sum(1 - (1 - 0.75) * k / 40 for k in range(41))
    falling = sum(0.75 - (0.75 - 0.4) * k / 20 for k in range(1, 21))
    assert scores == pytest.approx(
        {"odsF": 200 / 3, "oisF": 1400 / 19, "AP": rising + falling, "threshold": 0.5}, rel=1e-12
    )


def test_equals_plain_arithmetic() -> None:
    rng = np.random.default_rng(0)
    total_pred = np.sort(rng.integers(1, 900, 30))[::-1].astype(float)
    matched = np.minimum(np.floor(total_pred * np.sort(rng.random(30))), 400)
    pairs = [(m / n, m / 400) for m, n in zip(matched, total_pred, strict=True)]
    f = [2 * p * r / (p + r) if p + r else 0.0 for p, r in pairs]
    scores = edge_scores(sums_of(matched.tolist(), total_pred.tolist(), 400.0, (300, 500)), range(30))
    assert scores["odsF"] == pytest.approx(100 * max(f))
    assert scores["threshold"] == f.index(max(f))
    by_recall = {r: p for p, r in pairs}  # The last of equal recalls stays.
    recalls = sorted(by_recall)
    area = 0.0
    for at in np.arange(101) / 100:
        for low, high in pairwise(recalls):
            if low <= at < high:
                area += by_recall[low] + (by_recall[high] - by_recall[low]) * (at - low) / (high - low)
    assert scores["AP"] == pytest.approx(area)


def test_perfect_at_every_recall() -> None:
    matched = [float(k) for k in range(100, -1, -1)]
    scores = edge_scores(sums_of(matched, matched, 100, best=(100, 100)), [k / 101 for k in range(101)])
    assert scores == pytest.approx({"odsF": 100, "oisF": 100, "AP": 101, "threshold": 0})


def test_without_labelled_or_predicted_edges() -> None:
    precision, recall, f = f_measures(np.array([0.0, 0.0]), np.array([5.0, 0.0]), 0.0)
    assert (precision.tolist(), recall.tolist(), f.tolist()) == ([0, 0], [1, 1], [0, 0])
    precision, recall, f = f_measures(np.array([0.0, 0.0]), np.array([5.0, 0.0]), 4.0)
    assert (precision.tolist(), recall.tolist(), f.tolist()) == ([0, 1], [0, 0], [0, 0])


def test_without_labelled_pixels_all_are_nan() -> None:
    sums = sums_of([0], [0], 0, (0, 0)) | {"pixels": torch.tensor(0.0)}
    assert all(math.isnan(value) for value in edge_scores(sums, (0.5,)).values())
