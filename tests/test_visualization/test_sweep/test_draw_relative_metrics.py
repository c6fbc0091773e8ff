from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from figure_checks import legend_labels

from mmdymu.visualization.sweep import MissingPartError, SweepRecord, draw_relative_metrics
from mmdymu.visualization.sweep.relative_metrics import chosen_preferences


def test_chosen_preferences(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3, preferences=12)
    even, *skewed = chosen_preferences(sweep)
    known = {run.weights for run in sweep.runs}
    assert max(even.weights) == min(map(max, known))
    favourites = [int(np.argmax(preference.weights)) for preference in skewed]
    assert len(set(favourites)) == len(favourites) == 3
    assert max(skewed[0].weights) == max(map(max, known))
    assert {even.weights, *(preference.weights for preference in skewed)} <= known


@pytest.mark.parametrize("num_tasks", [3, 5, 20])
def test_a_radar_shows_the_ratio_of_every_task(sweep_of: Callable[..., SweepRecord], num_tasks: int) -> None:
    sweep = sweep_of(num_tasks)
    figure = draw_relative_metrics(sweep)
    assert legend_labels(figure) == ["c = 0", "c = 0.5", "c = 1", "single-task nets"]
    chosen = chosen_preferences(sweep)
    assert len(figure.axes) == len(chosen) <= 4
    run = next(run for run in sweep.runs if run.weights == chosen[0].weights and run.cost_weight == 0)
    circle, first = figure.axes[0].get_lines()[:2]
    assert set(circle.get_ydata()) == {1.0}
    mean = {"semseg": "mIoU", "depth": "rmse", "normals": "mean", "edges": "odsF", "saliency": "maxF"}
    expected = []
    for task in sweep.tasks:
        name = f"{task}/{mean.get(task, 'accuracy')}"
        ratio = run.metrics[name] / sweep.single.metrics[name]
        expected.append(1 / ratio if task in ("depth", "normals") else ratio)
    np.testing.assert_allclose(first.get_ydata(), [*expected, expected[0]])
    low, high = figure.axes[0].get_ylim()
    assert low < min(expected) <= max(expected) < high
    assert low < 1 < high
    styles = {(line.get_marker(), line.get_linestyle()) for line in figure.axes[0].get_lines()[1:]}
    assert len(styles) == 3


def test_two_tasks_are_bars_with_hatches(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(2)
    figure = draw_relative_metrics(sweep)
    chosen = chosen_preferences(sweep)
    run = next(run for run in sweep.runs if run.weights == chosen[0].weights and run.cost_weight == 0)
    bars = figure.axes[0].patches[:2]
    tops = [bar.get_y() + bar.get_height() for bar in bars]
    ratio = sweep.single.metrics["depth/rmse"] / run.metrics["depth/rmse"]
    assert tops == pytest.approx([run.metrics["semseg/mIoU"] / sweep.single.metrics["semseg/mIoU"], ratio])
    assert len({bar.get_hatch() for bar in figure.axes[0].patches}) == 3
    assert "single-task net" in figure.axes[0].get_ylabel()


def test_no_metrics(sweep_of: Callable[..., SweepRecord]) -> None:
    with pytest.raises(MissingPartError, match="no task has a metric"):
        draw_relative_metrics(sweep_of(3, metrics=False))
