"""Hypervolume against inclusion and exclusion, a grid, and boxes whose volume is known."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from mmdymu.evaluation.functional import hypervolume
from mmdymu.evaluation.functional.dominated_volume import _estimate


def plain(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """Inclusion and exclusion over all subsets of boxes."""
    total = 0.0
    for size in range(1, len(points) + 1):
        for subset in itertools.combinations(points, size):
            corner = [max(values) for values in zip(*subset, strict=True)]
            volume = math.prod(max(0.0, r - c) for r, c in zip(reference, corner, strict=True))
            total -= (-1) ** size * volume
    return total


def test_by_hand() -> None:
    # Two boxes of 2 x 1 and 1 x 2 that overlap in 1 x 1.
    assert hypervolume([[1, 2], [2, 1]], [3, 3]) == pytest.approx(3)
    assert hypervolume([[0.5]], [2]) == pytest.approx(1.5)


@pytest.mark.parametrize("objectives", [2, 3, 4, 5, 6])
def test_equals_inclusion_and_exclusion(objectives: int) -> None:
    points = np.random.default_rng(objectives).random((7, objectives)) * 1.3
    reference = np.linspace(0.9, 1.2, objectives)
    assert hypervolume(points, reference) == pytest.approx(plain(points.tolist(), reference.tolist()), rel=1e-6)


def test_estimate_is_within_its_bound() -> None:
    for objectives, count in ((7, 10), (10, 8), (20, 9)):
        points = np.random.default_rng(objectives).random((count, objectives)) * 0.9
        exact = plain(points.tolist(), [1.0] * objectives)
        bound = math.sqrt((count - 1) / 200_000)
        assert hypervolume(points, np.ones(objectives)) == pytest.approx(exact, rel=4 * bound)


def test_estimate_agrees_with_the_exact_one_in_low_dimension() -> None:
    points = np.random.default_rng(0).random((20, 3))
    corner = np.full(3, 1.1)
    assert _estimate(points, corner, 200_000, 0) == pytest.approx(hypervolume(points, corner), rel=0.01)


def test_estimate_is_repeatable_and_may_be_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(1).random((5, 8))
    first = hypervolume(points, [1.0] * 8, num_samples=2_000)
    assert hypervolume(points, [1.0] * 8, num_samples=2_000) == first
    assert hypervolume(points, [1.0] * 8, num_samples=2_000, seed=1) != first
    monkeypatch.setattr("mmdymu.evaluation.functional.dominated_volume.CHUNK", 4_000)
    in_parts = hypervolume(points, [1.0] * 8, num_samples=2_050)
    assert in_parts == pytest.approx(plain(points.tolist(), [1.0] * 8), rel=4 * math.sqrt(4 / 2_050))


def test_one_point_of_twenty_losses_is_exact() -> None:
    assert hypervolume([[0.5] * 20], [1.0] * 20) == pytest.approx(0.5**20, rel=1e-9)


@pytest.mark.parametrize("objectives", [3, 8])
def test_points_not_below_the_reference_add_nothing(objectives: int) -> None:
    inside = np.full((1, objectives), 0.5)
    outside = inside.repeat(3, axis=0)
    outside[0, 0], outside[1, 1], outside[2, 2] = 1.0, 7.0, math.inf
    reference = np.ones(objectives)
    assert hypervolume(outside, reference) == 0
    both = hypervolume(np.concatenate([outside, inside, inside, inside + 0.1]), reference)
    assert both == pytest.approx(0.5**objectives, rel=1e-9)


@pytest.mark.parametrize("objectives", [2, 9])
def test_no_point(objectives: int) -> None:
    assert hypervolume([], [1.0] * objectives) == 0
    assert hypervolume(torch.zeros(0, objectives), [1.0] * objectives) == 0


def test_kinds_of_input() -> None:
    rows = [[0.25, 0.5], [0.5, 0.25]]
    expected = hypervolume(rows, [1, 1])
    for points in (np.array(rows), torch.tensor(rows), [torch.tensor(row) for row in rows], tuple(map(tuple, rows))):
        assert hypervolume(points, torch.ones(2)) == expected
    assert type(expected) is float


def test_order_and_unit_do_not_matter() -> None:
    points = np.random.default_rng(3).random((6, 3))
    value = hypervolume(points, [1, 1, 1])
    assert hypervolume(points[::-1, [2, 0, 1]], [1, 1, 1]) == pytest.approx(value)
    assert hypervolume(points * [10, 1, 1], [10, 1, 1]) == pytest.approx(10 * value)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"points \(2, 3\) and reference \(2,\)"):
        hypervolume(np.zeros((2, 3)), [1, 1])
    with pytest.raises(ValueError, match=r"points \(3,\) and reference \(3,\)"):
        hypervolume([0.1, 0.2, 0.3], [1, 1, 1])
    with pytest.raises(ValueError, match=r"points\[1\]\[0\] is nan"):
        hypervolume([[0.0, 0.0], [math.nan, 0.0]], [1, 1])
    with pytest.raises(ValueError, match=r"points\[0\]\[1\] is -inf"):
        hypervolume([[0.0, -math.inf]], [1, 1])
    with pytest.raises(ValueError, match=r"reference \[1.0, nan\]"):
        hypervolume([[0.0, 0.0]], [1, math.nan])
    with pytest.raises(ValueError, match="num_samples=0"):
        hypervolume([[0.0] * 8], [1.0] * 8, num_samples=0)
