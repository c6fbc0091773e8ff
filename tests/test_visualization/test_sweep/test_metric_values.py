from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mmdymu.visualization.sweep import SweepRecord
from mmdymu.visualization.sweep.metric_values import (
    TaskValues,
    known_main_metrics,
    loss_values,
    metric_values,
    relative,
)


def test_main_metrics_follow_the_order_of_tasks(sweep_of: Callable[..., SweepRecord]) -> None:
    found = known_main_metrics(sweep_of(5))
    names = ["semseg/mIoU", "depth/rmse", "normals/mean", "edges/odsF", "saliency/maxF"]
    assert list(found.items()) == [(name.split("/")[0], name) for name in names]


def test_values_of_metrics(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3)
    values = metric_values(sweep)
    assert [part.label for part in values.values()] == ["mIoU [%]", "RMSE [m]", "mean angle [°]"]
    assert [part.higher_is_better for part in values.values()] == [True, False, False]
    assert values["depth"].runs.tolist() == [run.metrics["depth/rmse"] for run in sweep.runs]
    assert values["depth"].single == sweep.single.metrics["depth/rmse"]
    assert metric_values(sweep_of(3, metrics=False)) == {}


def test_values_of_losses(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3)
    np.testing.assert_array_equal(loss_values(sweep)["depth"].runs, sweep.losses[:, 1])


def test_above_one_is_better() -> None:
    runs = np.array([2.0, 1.0, 0.5, 0.0, np.nan])
    higher = relative(TaskValues("", True, runs, 1.0))
    lower = relative(TaskValues("", False, runs, 1.0))
    assert higher[:3].tolist() == [2.0, 1.0, 0.5]
    assert lower[:3].tolist() == [0.5, 1.0, 2.0]
    assert np.isnan(higher[3:]).all()
    assert np.isnan(lower[3:]).all()
    assert np.isnan(relative(TaskValues("", True, runs, 0.0))).all()


@pytest.mark.parametrize("num_tasks", [2, 5, 20])
def test_every_task_has_values(sweep_of: Callable[..., SweepRecord], num_tasks: int) -> None:
    sweep = sweep_of(num_tasks)
    assert list(metric_values(sweep)) == list(loss_values(sweep)) == list(sweep.tasks)
