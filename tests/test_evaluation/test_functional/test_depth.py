"""Depth errors against loops over pixels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mmdymu.evaluation.functional import (
    add_sums,
    depth_error_sums,
    depth_errors,
    depth_image_sums,
    depth_mean_errors,
)


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


def test_by_hand() -> None:
    # 2 m for 1 m, 3 m for 4 m, and a pixel without a label.
    errors = depth_errors(depth_error_sums(torch.tensor([2.0, 3.0, 9.0]), torch.tensor([1.0, 4.0, 0.0])))
    assert errors["rmse"] == pytest.approx(1)
    assert errors["log_rmse"] == pytest.approx(math.sqrt((math.log(2) ** 2 + math.log(0.75) ** 2) / 2))
    assert errors["abs_rel"] == pytest.approx((1 + 0.25) / 2) and errors["sq_rel"] == pytest.approx((1 + 0.25) / 2)
    assert [errors[f"delta{k}"] for k in (1, 2, 3)] == [0, 0.5, 0.5]


def test_logarithm_of_base_ten(maps: tuple[Tensor, Tensor]) -> None:
    sums = depth_error_sums(*maps)
    pairs = [(max(p, 1e-9), g) for p, g in zip(*(m.flatten().tolist() for m in maps), strict=True) if g > 0]
    expected = math.sqrt(sum((math.log10(p) - math.log10(g)) ** 2 for p, g in pairs) / len(pairs))
    assert depth_errors(sums, log="log10") == pytest.approx({**depth_errors(sums), "log_rmse": expected}, rel=1e-6)


def test_means_over_images(maps: tuple[Tensor, Tensor]) -> None:
    pred, target = maps
    other = pred[:, :4].flip(1), target[:, :4]
    unlabelled = pred, torch.zeros_like(target)
    total: dict[str, Tensor] = {}
    for image in (maps, other, unlabelled):
        total = add_sums(total, depth_image_sums(*image))
    each = [plain(*maps), plain(*other)]
    expected = {name: (each[0][name] + each[1][name]) / 2 for name in each[0]}
    assert depth_mean_errors(total) == pytest.approx(expected, rel=1e-6)
    assert all(math.isnan(value) for value in depth_mean_errors(depth_image_sums(*unlabelled)).values())


def test_a_prediction_that_is_no_number_is_not_hidden(maps: tuple[Tensor, Tensor]) -> None:
    pred = maps[0].clone()
    pred[0, 0, 0] = math.nan
    for errors in (
        depth_errors(depth_error_sums(pred, maps[1])), depth_mean_errors(depth_image_sums(pred, maps[1]))
    ):  # fmt: skip
        assert math.isnan(errors["rmse"])
