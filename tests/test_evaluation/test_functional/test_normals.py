"""Angles between normals against loops over pixels."""

from __future__ import annotations

import math
import statistics

import pytest
import torch
from torch import Tensor

from mmdymu.evaluation.functional import add_sums, normals_angles, normals_error_sums, normals_errors
from mmdymu.evaluation.functional.normals import histogram_median


@pytest.fixture
def maps() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    target = torch.nn.functional.normalize(torch.randn(3, 12, 13), dim=0)
    pred = 3 * target + torch.randn(3, 12, 13)
    target[:, 4] = 0
    return pred, target


def plain_angles(pred: Tensor, target: Tensor) -> list[float]:
    angles = []
    for p, g in zip(pred.flatten(1).t().tolist(), target.flatten(1).t().tolist(), strict=True):
        if g != [0, 0, 0]:
            cosine = sum(a * b for a, b in zip(p, g, strict=True)) / (math.hypot(*p) * math.hypot(*g))
            angles.append(math.degrees(math.acos(max(-1.0, min(1.0, cosine)))))
    return angles


def test_equals_loop(maps: tuple[Tensor, Tensor]) -> None:
    angles, errors = plain_angles(*maps), normals_errors(normals_error_sums(*maps))
    assert errors["mean"] == pytest.approx(statistics.fmean(angles), rel=1e-6)
    assert errors["rmse"] == pytest.approx(math.sqrt(statistics.fmean(a * a for a in angles)), rel=1e-6)
    assert errors["median"] == pytest.approx(statistics.median(angles), abs=0.0051)
    for limit in ("11.25", "22.5", "30"):
        share = 100 * sum(a < float(limit) for a in angles) / len(angles)
        assert errors[f"within_{limit}"] == pytest.approx(share)


def test_batch_equals_sum_of_images(maps: tuple[Tensor, Tensor]) -> None:
    pred, target = maps
    other = pred.flip(1), target.flip(2)
    both = normals_error_sums(torch.stack([pred, other[0]]), torch.stack([target, other[1]]))
    total = add_sums(normals_error_sums(pred, target), normals_error_sums(*other))
    assert normals_errors(both) == pytest.approx(normals_errors(total))


@pytest.mark.parametrize("degrees", [0.0, 1e-4, 0.01, 45.0, 90.0, 179.999, 180.0])
def test_angles_are_exact_where_the_arc_cosine_is_not(degrees: float) -> None:
    angle = math.radians(degrees)
    pred = torch.tensor([[0.0, math.sin(angle), math.cos(angle)]], dtype=torch.float64)
    assert normals_angles(pred.T, torch.tensor([[0.0], [0.0], [2.0]])).item() == pytest.approx(degrees, abs=1e-9)


def test_zero_prediction_counts_as_ninety_degrees() -> None:
    assert normals_angles(torch.zeros(3, 1), torch.tensor([[0.0], [1.0], [0.0]])).item() == pytest.approx(90)


@pytest.mark.parametrize("values", [[3], [1, 5], [1, 1, 7], [0, 2, 4, 9], [17_999, 17_999]])
def test_median_of_histogram(values: list[int]) -> None:
    histogram = torch.bincount(torch.tensor(values), minlength=18_000)
    assert histogram_median(histogram) == statistics.median(values) + 0.5


def test_no_valid_pixel_gives_nan(maps: tuple[Tensor, Tensor]) -> None:
    errors = normals_errors(normals_error_sums(maps[0], torch.zeros_like(maps[1])))
    assert len(errors) == 6 and all(math.isnan(value) for value in errors.values())


def test_memory_does_not_depend_on_the_image(maps: tuple[Tensor, Tensor]) -> None:
    small, large = (
        normals_error_sums(*maps),
        normals_error_sums(torch.randn(3, 60, 60), torch.randn(3, 60, 60)),
    )
    assert {k: v.shape for k, v in small.items()} == {k: v.shape for k, v in large.items()}


def test_mismatched_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"\(3, 2, 3\).*\(3, 3, 2\)"):
        normals_error_sums(torch.zeros(3, 2, 3), torch.zeros(3, 3, 2))


def test_by_hand() -> None:
    # 0, 20, 45 and 90 degrees off, and a pixel without a label.
    degrees = (0.0, 20.0, 45.0, 90.0, 10.0)
    pred = torch.tensor([[math.cos(math.radians(d)), math.sin(math.radians(d)), 0.0] for d in degrees])
    target = torch.tensor([[2.0, 0.0, 0.0]] * 4 + [[0.0, 0.0, 0.0]])
    errors = normals_errors(normals_error_sums(*(maps.t().reshape(3, 1, 5) for maps in (pred, target))))
    assert errors == pytest.approx(
        {
            "mean": (20 + 45 + 90) / 4,
            "median": 32.5,
            "rmse": math.sqrt((20**2 + 45**2 + 90**2) / 4),
            "within_11.25": 25,
            "within_22.5": 50,
            "within_30": 50,
        },
        rel=1e-6,
        abs=0.0051,
    )
