"""Uniformity: its formula in plain Python, its bounds, bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mmdymu.evaluation.functional import uniformity


def plain(preference: list[float], losses: list[float]) -> float:
    total = sum(r * loss for r, loss in zip(preference, losses, strict=True))
    divergence = 0.0
    for r, loss in zip(preference, losses, strict=True):
        q = r * loss / total
        divergence += q * (math.log(q) - math.log(1 / len(losses))) if q else 0
    return 1 - divergence


@pytest.mark.parametrize("tasks", [1, 2, 3, 20])
def test_equals_formula(tasks: int) -> None:
    generator = np.random.default_rng(tasks)
    for _ in range(5):
        preference, losses = generator.dirichlet(np.full(tasks, 0.5)).tolist(), generator.random(tasks).tolist()
        assert uniformity(preference, losses) == pytest.approx(plain(preference, losses), rel=1e-9)


def test_by_hand() -> None:
    # q = (3/4, 1/4): KL = .75 ln 1.5 + .25 ln .5
    assert uniformity([0.5, 0.5], [3, 1]) == pytest.approx(1 - 0.75 * math.log(1.5) - 0.25 * math.log(0.5))


def test_bounds() -> None:
    assert uniformity([0.2, 0.3, 0.5], [1 / 0.2, 1 / 0.3, 1 / 0.5]) == pytest.approx(1)
    assert uniformity([1, 0, 0], [2, 3, 4]) == pytest.approx(1 - math.log(3))
    assert uniformity([0.5, 0.5, 0], [1, 0, 4]) == pytest.approx(1 - math.log(3))


def test_scale_and_order_do_not_matter() -> None:
    value = uniformity([0.2, 0.3, 0.5], [1, 2, 3])
    assert uniformity([2, 3, 5], [10, 20, 30]) == pytest.approx(value)
    assert uniformity([0.5, 0.2, 0.3], [3, 1, 2]) == pytest.approx(value)


def test_kinds_of_input() -> None:
    value = uniformity([0.25, 0.75], [1, 2])
    assert uniformity(torch.tensor([0.25, 0.75]), np.array([1, 2])) == value and type(value) is float
    assert uniformity((0.25, 0.75), [torch.tensor(1.0, requires_grad=True), 2.0]) == value


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"preference \(2,\) and losses \(3,\)"):
        uniformity([0.5, 0.5], [1, 2, 3])
    with pytest.raises(ValueError, match=r"losses\[1\] is nan"):
        uniformity([0.5, 0.5], [1, math.nan])
    with pytest.raises(ValueError, match=r"preference\[0\] is -0.5"):
        uniformity([-0.5, 1.5], [1, 2])
    with pytest.raises(ValueError, match=r"is 0 for every task"):
        uniformity([1, 0], [0, 1])
