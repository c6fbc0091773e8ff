"""Saliency measures against loops over pixels, and two images worked by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import pytest
import torch
from torch import Tensor

from mmdymu.evaluation.functional import (
    SALIENCY_F_THRESHOLDS,
    SALIENCY_IOU_THRESHOLDS,
    add_sums,
    quantize_probability,
    saliency_counts,
    saliency_image_sums,
    saliency_max_f,
    saliency_max_image_f,
    saliency_max_iou,
)

Image = tuple[Tensor, Tensor]


@pytest.fixture
def images() -> list[Image]:
    """Of three sizes and shares of salient pixels; some have no label, some lie on a cut-off."""
    torch.manual_seed(0)
    found = []
    for height, share in ((5, 0.5), (8, 0.2), (3, 0.8)):
        target = (torch.rand(1, height, 7) < share).long()
        probability = (0.4 * torch.rand(1, height, 7) + 0.5 * target * torch.rand(1, height, 7)).clamp(0, 1)
        target[0, 0, :3] = 255
        probability[0, 1, :4] = torch.tensor([0.25, 0.5, 0.75, 0.0])
        found.append((probability, target))
    return found


def pairs(image: Image) -> list[tuple[float, int]]:
    flat = zip(image[0].flatten().tolist(), image[1].flatten().tolist(), strict=True)
    return [(p, g) for p, g in flat if g != 255]


def sets(values: Sequence[tuple[float, int]], t: float, inclusive: bool) -> tuple[set[int], set[int]]:
    predicted = {i for i, (p, _) in enumerate(values) if p > t or (inclusive and p == t)}
    return predicted, {i for i, (_, g) in enumerate(values) if g == 1}


def f_measure(precision: float, recall: float, beta_squared: float) -> float:
    below = beta_squared * precision + recall
    return (1 + beta_squared) * precision * recall / below if below else 0.0


def plain_iou(images: list[Image], t: float) -> float:
    ratios = []
    for image in images:
        a, b = sets(pairs(image), t, False)
        ratios.append(len(a & b) / len(a | b) if a | b else 1.0)
    return fmean(ratios)


def plain_image_f(images: list[Image], t: float, beta_squared: float) -> float:
    found = [sets(pairs(image), t, False) for image in images]
    precision = fmean(len(a & b) / len(a) if a else 0.0 for a, b in found)
    return f_measure(precision, fmean(len(a & b) / len(b) for a, b in found), beta_squared)


def plain_f(images: list[Image], t: float, beta_squared: float) -> float:
    a, b = sets([pair for image in images for pair in pairs(image)], t, True)
    return f_measure(len(a & b) / len(a) if a else 0.0, len(a & b) / len(b), beta_squared)


def image_sums(images: list[Image]) -> dict[str, Tensor]:
    total: dict[str, Tensor] = {}
    for image in images:
        total = add_sums(total, saliency_image_sums(saliency_counts(*image, SALIENCY_IOU_THRESHOLDS)))
    return total


def pooled(images: list[Image]) -> dict[str, Tensor]:
    total: dict[str, Tensor] = {}
    for image in images:
        total = add_sums(total, saliency_counts(*image, SALIENCY_F_THRESHOLDS, inclusive=True))
    return total


def test_thresholds() -> None:
    assert pytest.approx([0.2 + 0.05 * k for k in range(15)]) == SALIENCY_IOU_THRESHOLDS
    assert pytest.approx([0.05 + 0.05 * k for k in range(19)]) == SALIENCY_F_THRESHOLDS


def test_counts_equal_loop(images: list[Image]) -> None:
    for inclusive in (False, True):
        counts = saliency_counts(*images[1], (0.0, 0.25, 0.5, 1.0), inclusive)
        for k, t in enumerate((0.0, 0.25, 0.5, 1.0)):
            a, b = sets(pairs(images[1]), t, inclusive)
            assert counts["predicted"][k] == len(a) and counts["hits"][k] == len(a & b)
            assert counts["salient"] == len(b) and counts["pixels"] == len(pairs(images[1]))


def test_measures_equal_loops(images: list[Image]) -> None:
    expected = max(plain_iou(images, t) for t in SALIENCY_IOU_THRESHOLDS)
    assert saliency_max_iou(image_sums(images)) == pytest.approx(expected, rel=1e-9)
    for beta_squared in (1.0, 0.3):
        expected = max(plain_image_f(images, t, beta_squared) for t in SALIENCY_IOU_THRESHOLDS)
        assert saliency_max_image_f(image_sums(images), beta_squared) == pytest.approx(expected, rel=1e-9)
        expected = max(plain_f(images, t, beta_squared) for t in SALIENCY_F_THRESHOLDS)
        assert saliency_max_f(pooled(images), beta_squared) == pytest.approx(expected, rel=1e-9)


def test_by_hand() -> None:
    # Two of three salient pixels above .6, and one other; in a second image nothing but one salient pixel at .3.
    first = torch.tensor([0.7, 0.7, 0.1, 0.7, 0.1]), torch.tensor([1, 1, 1, 0, 0])
    second = torch.tensor([0.3]), torch.tensor([1])
    sums = image_sums([first, second])
    assert saliency_max_iou(sums) == pytest.approx((2 / 4 + 1) / 2)
    precision, recall = (2 / 3 + 1) / 2, (2 / 3 + 1) / 2
    assert saliency_max_image_f(sums) == pytest.approx(2 * precision * recall / (precision + recall))
    # Over all pixels, at .1: six predicted, all four salient ones hit; at .15 to .3: three of four hit, one wrong.
    assert saliency_max_f(pooled([first, second])) == pytest.approx(
        max(1.3 * (4 / 6) * 1 / (0.3 * 4 / 6 + 1), 1.3 * (3 / 4) * (3 / 4) / (0.3 * 3 / 4 + 3 / 4))
    )


def test_two_empty_maps_agree() -> None:
    sums = image_sums([(torch.full((4,), 0.1), torch.zeros(4).long())])
    assert saliency_max_iou(sums) == 1 and saliency_max_image_f(sums) == 0
    assert saliency_max_f(pooled([(torch.full((4,), 0.01), torch.zeros(4).long())])) == 0


def test_perfect_maps(images: list[Image]) -> None:
    perfect = [((target == 1).float(), target) for _, target in images]
    sums = image_sums(perfect)
    assert (saliency_max_iou(sums), saliency_max_image_f(sums), saliency_max_f(pooled(perfect))) == (1, 1, 1)


def test_unlabelled_images_do_not_count(images: list[Image]) -> None:
    blank = (images[0][0], torch.full_like(images[0][1], 255))
    with_blank, without = [*images, blank], images
    assert saliency_max_iou(image_sums(with_blank)) == saliency_max_iou(image_sums(without))
    assert saliency_max_f(pooled(with_blank)) == saliency_max_f(pooled(without))
    sums = image_sums([blank])
    scores = saliency_max_iou(sums), saliency_max_image_f(sums), saliency_max_f(pooled([blank]))
    assert all(math.isnan(score) for score in scores)


def test_quantization_cuts_down() -> None:
    values = torch.tensor([0.0, 0.0039, 0.0040, 0.2, 0.999, 1.0], dtype=torch.float64)
    assert (quantize_probability(values) * 255).tolist() == pytest.approx([0, 0, 1, 51, 254, 255])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_kinds_of_number(dtype: torch.dtype) -> None:
    counts = saliency_counts(torch.tensor([0.0, 0.75], dtype=dtype), torch.tensor([0, 1]), (0.5,))
    assert (counts["predicted"].item(), counts["hits"].item()) == (1, 1)


def test_bad_input_is_named() -> None:
    zeros = torch.zeros(4).long()
    with pytest.raises(ValueError, match=r"saliency: prediction \(4,\) and label \(3,\)"):
        saliency_counts(torch.zeros(4), zeros[:3], (0.5,))
    with pytest.raises(ValueError, match="predictions from -3 to 2 are no probabilities"):
        saliency_counts(torch.tensor([-3.0, 2.0, 0.0, 0.5]), zeros, (0.5,))
    with pytest.raises(ValueError, match="no probabilities"):
        saliency_counts(torch.tensor([math.nan, 0, 0, 0]), zeros, (0.5,))
    with pytest.raises(ValueError, match=r"labels \[0, 2\], allowed are 0, 1 and 255"):
        saliency_counts(torch.zeros(4), torch.tensor([0, 2, 0, 255]), (0.5,))
