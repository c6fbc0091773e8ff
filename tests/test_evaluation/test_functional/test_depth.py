"""Depth errors against loops over pixels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mmdymu.evaluation.functional import add_sums, depth_error_sums, depth_errors


@pytest.fixture
def maps() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    target = torch.rand(1, 7, 9) * 6 + 0.3
    target[0, 2] = 0
    pred = target + torch.randn(1, 7, 9)
    pred[0, 3, 4] = -1.0
    return pred, target


def plain(pred: Tensor, target: Tensor) -> dict[str, float]:
    pairs = [(p, g) for p, g in zip(pred.flatten().tolist(), target.flatten().tolist(), strict=True) if g > 0]
    number = len(pairs)
    positive = [(max(p, 1e-9), g) for p, g in pairs]
    ratios = [max(p / g, g / p) for p, g in positive]
    return {
        "rmse": math.sqrt(sum((p - g) ** 2 for p, g in pairs) / number),
        "log_rmse": math.sqrt(sum((math.log(p) - math.log(g)) ** 2 for p, g in positive) / number),
        "abs_rel": sum(abs(p - g) / g for p, g in pairs) / number,
        "sq_rel": sum((p - g) ** 2 / g for p, g in pairs) / number,
        **{f"delta{k}": sum(r < 1.25**k for r in ratios) / number for k in (1, 2, 3)},
    }


def test_equals_loop(maps: tuple[Tensor, Tensor]) -> None:
    errors = depth_errors(depth_error_sums(*maps))
    assert errors == pytest.approx(plain(*maps), rel=1e-6)


def test_pixels_are_pooled_not_averaged_by_image() -> None:
    target, pred = torch.ones(1, 2, 5), torch.ones(1, 2, 5) + torch.arange(10.0).view(1, 2, 5)
    target[0, 0, :4] = 0
    first = depth_error_sums(pred[:, :1], target[:, :1])
    total = add_sums(first, depth_error_sums(pred[:, 1:], target[:, 1:]))
    assert depth_errors(total) == pytest.approx(plain(pred, target))
    assert first["pixels"].item() == 1


def test_perfect_prediction(maps: tuple[Tensor, Tensor]) -> None:
    errors = depth_errors(depth_error_sums(maps[1], maps[1]))
    assert [errors[name] for name in ("rmse", "log_rmse", "abs_rel", "sq_rel")] == [0, 0, 0, 0]
    assert [errors[f"delta{k}"] for k in (1, 2, 3)] == [1, 1, 1]


def test_no_valid_pixel_gives_nan(maps: tuple[Tensor, Tensor]) -> None:
    errors = depth_errors(depth_error_sums(maps[0], torch.zeros_like(maps[1])))
    assert len(errors) == 7 and all(math.isnan(value) for value in errors.values())


def test_non_finite_labels_do_not_count(maps: tuple[Tensor, Tensor]) -> None:
    pred, target = maps
    expected = depth_errors(depth_error_sums(pred, torch.where(target > 4, 0, target)))
    assert depth_errors(depth_error_sums(pred, torch.where(target > 4, math.nan, target))) == expected


def test_mismatched_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"\(1, 2, 3\).*\(1, 3, 2\)"):
        depth_error_sums(torch.zeros(1, 2, 3), torch.zeros(1, 3, 2))
