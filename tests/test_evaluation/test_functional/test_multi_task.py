"""Gain over single-task networks: worked by hand, and what it refuses."""

from __future__ import annotations

import math

import pytest

from mmdymu.evaluation.functional import multi_task_delta, multi_task_gains

BASELINES = {"semseg/mIoU": 40.0, "depth/rmse": 0.5, "normals/mean": 20.0}
HIGHER = {"semseg/mIoU": True, "depth/rmse": False, "normals/mean": False}


def test_by_hand() -> None:
    # +10 %, 20 % worse, 5 % better; the score without a baseline does not count.
    scores = {"semseg/mIoU": 44.0, "depth/rmse": 0.6, "normals/mean": 19.0, "depth/abs_rel": 9.0}
    gains = multi_task_gains(scores, BASELINES, HIGHER)
    assert gains == pytest.approx({"semseg/mIoU": 10, "depth/rmse": -20, "normals/mean": 5})
    assert multi_task_delta(scores, BASELINES, HIGHER) == pytest.approx(-5 / 3)


def test_the_baselines_themselves_gain_nothing() -> None:
    assert multi_task_delta(BASELINES, BASELINES, HIGHER) == 0


def test_several_metrics_of_a_task() -> None:
    baselines = {"semseg/mIoU": 40.0, "depth/rmse": 0.5, "depth/delta1": 0.8}
    higher = {"semseg/mIoU": True, "depth/rmse": False, "depth/delta1": True}
    scores = {"semseg/mIoU": 36.0, "depth/rmse": 0.45, "depth/delta1": 0.96}
    assert multi_task_delta(scores, baselines, higher) == pytest.approx((-10 + (10 + 20) / 2) / 2)
    assert multi_task_delta(scores, baselines, higher, average="metric") == pytest.approx((-10 + 10 + 20) / 3)


def test_a_nan_score_gives_nan() -> None:
    assert math.isnan(multi_task_delta({**BASELINES, "depth/rmse": math.nan}, BASELINES, HIGHER))


def test_bad_input_is_named() -> None:
    with pytest.raises(KeyError, match=r"'depth/rmse', which has no score; there are \['semseg/mIoU'\]"):
        multi_task_delta({"semseg/mIoU": 1.0}, BASELINES, HIGHER)
    with pytest.raises(KeyError, match=r"'semseg/mIoU', which has no direction; there are \[\]"):
        multi_task_delta(BASELINES, BASELINES, {})
    for value in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=rf"baselines\['depth/rmse'\]={value}"):
            multi_task_delta(BASELINES, {**BASELINES, "depth/rmse": value}, HIGHER)
    with pytest.raises(ValueError, match="empty"):
        multi_task_delta(BASELINES, {}, HIGHER)
    with pytest.raises(ValueError, match="average='sum'"):
        multi_task_delta(BASELINES, BASELINES, HIGHER, average="sum")  # type: ignore[arg-type]
