"""Trade-offs, marginal curves, cost over c, brackets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from figure_checks import legend_labels

from mmdymu.visualization.sweep import (
    FIGURES,
    MissingPartError,
    SweepRecord,
    draw_brackets,
    draw_cost,
    draw_marginal,
    draw_simplex,
    draw_tradeoff,
)
from mmdymu.visualization.sweep.brackets import bracket_differences
from mmdymu.visualization.sweep.tradeoff import PAIRS, tradeoff_pairs


@pytest.mark.parametrize(("num_tasks", "panels"), [(2, 1), (3, 3), (5, PAIRS), (20, PAIRS)])
def test_one_trade_off_per_pair(sweep_of: Callable[..., SweepRecord], num_tasks: int, panels: int) -> None:
    sweep = sweep_of(num_tasks)
    figure = draw_tradeoff(sweep)
    assert len(figure.axes) == panels == len(tradeoff_pairs(sweep))
    assert legend_labels(figure) == ["c = 0", "c = 0.5", "c = 1", "not dominated", "single-task nets"]
    assert all("loss / single-task loss\n(lower is better)" in axes.get_xlabel() for axes in figure.axes)


def test_every_run_is_a_mark_and_the_front_a_staircase(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(2)
    axes = draw_tradeoff(sweep).axes[0]
    *by_cost_weight, front, star = axes.get_lines()
    marks = np.concatenate([line.get_xydata() for line in by_cost_weight])
    assert sorted(marks.tolist()) == sorted(sweep.losses.tolist())
    assert len({line.get_marker() for line in by_cost_weight}) == 3
    steps = front.get_xydata()
    assert {tuple(point) for point in steps} <= {tuple(point) for point in sweep.losses}
    assert (np.diff(steps[:, 0]) >= 0).all()
    assert (np.diff(steps[:, 1]) <= 0).all()
    assert star.get_xydata().tolist() == [[1.0, 1.0]]


def test_metrics_have_units_and_directions(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3)
    axes = draw_tradeoff(sweep, "metric").axes
    assert axes[0].get_xlabel() == "semseg: mIoU [%]\n(higher is better)"
    assert axes[0].get_ylabel() == "depth: RMSE [m]\n(lower is better)"
    assert axes[1].get_ylabel() == "normals: mean angle [°]\n(lower is better)"
    front = axes[0].get_lines()[-2]
    assert front.get_drawstyle() == "steps-pre"
    # High mIoU costs RMSE: the front rises, where that of two losses falls.
    assert (np.diff(front.get_ydata()) >= 0).all()


def test_a_wide_spread_is_drawn_on_a_logarithmic_axis(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(2)
    first = replace(sweep.runs[0], losses=(sweep.single.losses[0] * 50, sweep.single.losses[1]))
    axes = draw_tradeoff(replace(sweep, runs=(first, *sweep.runs[1:]))).axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_yscale() == "linear"


@pytest.mark.parametrize("num_tasks", [2, 5, 20])
def test_one_marginal_panel_per_task(sweep_of: Callable[..., SweepRecord], num_tasks: int) -> None:
    sweep = sweep_of(num_tasks)
    figure = draw_marginal(sweep)
    assert len(figure.axes) == num_tasks
    assert legend_labels(figure) == ["c = 0", "c = 0.5", "c = 1", "single runs", "single-task net"]
    assert figure.get_supylabel() == "loss / single-task loss"
    curves = [line for line in figure.axes[1].get_lines() if line.get_linewidth() == 1.6]
    expected = sweep.summary.marginal[sweep.tasks[1]]
    for line, curve in zip(curves, expected, strict=True):
        assert line.get_xdata().tolist() == list(curve.weight)
        assert line.get_ydata().tolist() == list(curve.loss)
    assert len({(line.get_marker(), line.get_linestyle()) for line in curves}) == 3


def test_many_cost_weights_are_thinned_out(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3, preferences=2, cost_weights=[round(0.1 * i, 1) for i in range(11)])
    labels = legend_labels(draw_marginal(sweep))
    assert labels[:5] == ["c = 0", "c = 0.2", "c = 0.5", "c = 0.8", "c = 1"]
    assert [axes.get_title() for axes in draw_simplex(sweep).axes[:-1]] == [
        f"c = {c:g}" for c in (0, 0.2, 0.4, 0.6, 0.8, 1)
    ]
    notes = {kind.name: kind.note(sweep) for kind in FIGURES}
    assert notes["marginal"] == "Drawn for the cost weights 0, 0.2, 0.5, 0.8, 1 of 11."
    assert notes["tradeoff_losses"] == ""
    assert {kind.note(sweep_of(3)) for kind in FIGURES} == {""}


def test_notes_name_the_pairs_and_trees(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(20)
    notes = {kind.name: kind.note(sweep) for kind in FIGURES}
    pairs = ", ".join(f"{first} and {second}" for first, second in tradeoff_pairs(sweep))
    assert (
        notes["tradeoff_losses"] == f"Only the 6 pairs that compete most (lowest correlation over the runs): {pairs}."
    )
    assert notes["trees"] == "Drawn: uniform, large_natural_outdoor_scenes 0.8, of 21 preferences."


def test_cost_has_units_and_the_band(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3)
    curve = sweep.summary.cost_curve
    assert curve is not None
    figure = draw_cost(sweep)
    share, flops, params = figure.axes
    assert "share s" in share.get_ylabel()
    assert flops.get_ylabel() == "GFLOPs (multiply-adds) per image"
    assert params.get_ylabel() == "parameters of used nodes [M]"
    np.testing.assert_allclose(flops.get_lines()[0].get_ydata(), np.array(curve.flops.mean) / 1e9)
    np.testing.assert_allclose(params.get_lines()[1].get_ydata(), sweep.single.params / 1e6)
    band = share.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(min(curve.share.p10))
    assert band.max() == pytest.approx(max(curve.share.p90))
    assert "mean of 1,000 preferences" in legend_labels(figure)
    assert "mean of the 5 swept preferences" in legend_labels(figure)


def test_differences_to_the_controller_are_paired(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3)
    single = sweep.single.losses
    weighted = {
        (part.choice, part.index): sum(
            r * loss / own for r, loss, own in zip(sweep.runs[part.index].weights, part.losses, single, strict=True)
        )
        for part in sweep.brackets
    }
    differences = bracket_differences(sweep)
    assert list(differences) == ["heuristic", "search", "oracle"]
    for choice, by_cost_weight in differences.items():
        for cost_weight, values in by_cost_weight.items():
            indices = [run.index for run in sweep.runs if run.cost_weight == cost_weight]
            plain = [weighted[choice, index] - weighted["controller", index] for index in indices]
            np.testing.assert_allclose(values, plain)


def test_brackets_without_oracle_and_without_single_trees(sweep_of: Callable[..., SweepRecord]) -> None:
    assert legend_labels(draw_brackets(sweep_of(3))) == ["controller", "heuristic", "search", "oracle"]
    figure = draw_brackets(sweep_of(3, oracle=False))
    assert legend_labels(figure) == ["controller", "heuristic"]
    assert len(figure.axes) == 2
    assert len(draw_brackets(replace(sweep_of(3), brackets=())).axes) == 1


def test_brackets_show_the_summary(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(5)
    axes = draw_brackets(sweep).axes[0]
    for line in axes.get_lines():
        expected = [row.brackets[line.get_label()] for row in sweep.summary.by_cost_weight]
        assert line.get_ydata().tolist() == expected
    assert len({(line.get_marker(), str(line.get_linestyle())) for line in axes.get_lines()}) == 4
    assert axes.get_ylabel().startswith("mean rL")


def test_one_task_with_losses_has_no_trade_off(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(2)
    runs = tuple(replace(run, losses=(run.losses[0], float("nan"))) for run in sweep.runs)
    with pytest.raises(MissingPartError, match="fewer than two tasks have losses"):
        draw_tradeoff(replace(sweep, runs=runs))
