"""Class areas against loops over pixels."""

from __future__ import annotations

import math

import pytest
import torch

from mmdymu.evaluation.functional import add_sums, class_areas, mean_iou


def test_equals_loop() -> None:
    torch.manual_seed(0)
    pred, target = torch.randint(0, 4, (1, 6, 7)), torch.randint(0, 4, (1, 6, 7))
    target[0, 0] = 255
    pairs = [(p, g) for p, g in zip(pred.flatten().tolist(), target.flatten().tolist(), strict=True) if g != 255]
    areas = class_areas(pred, target, 5)
    ratios = []
    for k in range(5):
        both = sum(p == k and g == k for p, g in pairs)
        either = sum(p == k or g == k for p, g in pairs)
        assert (areas["intersect"][k].item(), areas["union"][k].item()) == (both, either)
        assert areas["predicted"][k].item() == sum(p == k for p, _ in pairs)
        assert areas["labelled"][k].item() == sum(g == k for _, g in pairs)
        ratios += [both / either] if either else []
    assert len(ratios) == 4
    assert mean_iou(areas["intersect"], areas["union"]) == pytest.approx(sum(ratios) / 4)


def test_areas_add_up() -> None:
    torch.manual_seed(0)
    pred, target = torch.randint(0, 3, (2, 8)), torch.randint(0, 3, (2, 8))
    total = add_sums(class_areas(pred[0], target[0], 3), class_areas(pred[1], target[1], 3))
    assert all(torch.equal(total[name], value) for name, value in class_areas(pred, target, 3).items())


def test_empty_sums_are_neutral() -> None:
    areas = class_areas(torch.zeros(4).long(), torch.zeros(4).long(), 2)
    assert add_sums({}, areas) == areas and add_sums(areas, {}) == areas


def test_no_label_gives_nan() -> None:
    areas = class_areas(torch.zeros(4).long(), torch.full((4,), 255), 3)
    assert math.isnan(mean_iou(areas["intersect"], areas["union"]))


def test_wrong_classes_are_named() -> None:
    zeros = torch.zeros(4).long()
    with pytest.raises(ValueError, match=r"labelled classes 0 to 7 do not fit 5 classes"):
        class_areas(zeros, torch.tensor([0, 1, 7, 255]), 5)
    with pytest.raises(ValueError, match=r"predicted classes 5 to 5 do not fit 5 classes"):
        class_areas(zeros + 5, zeros, 5)
    with pytest.raises(ValueError, match=r"\(4,\).*\(3,\)"):
        class_areas(zeros, zeros[:3], 5)


def test_absent_classes() -> None:
    # Class 1: both pixels, class 0: one of two; class 2 occurs nowhere, class 3 is only predicted.
    pred, target = torch.tensor([1, 1, 0, 3, 1]), torch.tensor([1, 1, 0, 0, 255])
    areas = class_areas(pred, target, 4)
    ratios = areas["intersect"], areas["union"]
    assert mean_iou(*ratios) == mean_iou(*ratios, absent="ignore") == pytest.approx((1 + 0.5 + 0) / 3)
    assert mean_iou(*ratios, absent="zero") == pytest.approx((1 + 0.5 + 0 + 0) / 4)
    nothing = torch.zeros(4)
    assert math.isnan(mean_iou(nothing, nothing, absent="zero"))
