"""What holds for every kind of figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from figure_checks import outside, overlapping
from matplotlib import image
from sweep_folder import write_files, write_sweep

from mmdymu.visualization.sweep import (
    FIGURES,
    DrawnFigure,
    FigureKind,
    MissingPartError,
    SweepRecord,
    draw_figures,
    gallery,
    read_sweep,
    write_figures,
)
from mmdymu.visualization.sweep.style import LINES, MARKERS, evenly_chosen, plain, series_styles, task_labels

KINDS = pytest.mark.parametrize("kind", FIGURES, ids=lambda kind: kind.name)


DRAWN = [(kind, count) for kind in FIGURES for count in (2, 3, 5, 20) if kind.name != "simplex" or count == 3]


@pytest.mark.parametrize(("kind", "num_tasks"), DRAWN, ids=lambda value: str(getattr(value, "name", value)))
def test_texts_do_not_overlap(sweep_of: Callable[..., SweepRecord], kind: FigureKind, num_tasks: int) -> None:
    figure = kind.draw(sweep_of(num_tasks))
    assert overlapping(figure) == []
    assert outside(figure) == []


@KINDS
def test_eleven_cost_weights(sweep_of: Callable[..., SweepRecord], kind: FigureKind) -> None:
    cost_weights = [round(0.1 * i, 1) for i in range(11)]
    figure = kind.draw(sweep_of(3, preferences=2, cost_weights=cost_weights))
    assert overlapping(figure) == []
    assert outside(figure) == []


@KINDS
def test_one_preference_at_one_cost_weight(sweep_of: Callable[..., SweepRecord], kind: FigureKind) -> None:
    assert overlapping(kind.draw(sweep_of(3, preferences=1, cost_weights=[0.3]))) == []


@KINDS
def test_long_and_odd_task_names(sweep_of: Callable[..., SweepRecord], kind: FigureKind) -> None:
    names = ["semantic_segmentation_of_indoor_scenes", "monocular_metric_depth_estimation", "$cash$ & <b>_x"]
    figure = kind.draw(sweep_of(3, tasks=names))
    assert overlapping(figure) == []
    assert outside(figure) == []


def test_files_are_pictures_that_do_not_change(
    sweep_of: Callable[..., SweepRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "FIGURES", [kind for kind in FIGURES if kind.name in ("cost", "simplex")])
    figures = draw_figures(sweep_of(2))
    write_figures(figures, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"cost.svg", "cost.png"}
    assert ElementTree.parse(tmp_path / "cost.svg").getroot().tag.endswith("svg")
    assert image.imread(tmp_path / "cost.png").std() > 0.02
    assert figures[0].svg == draw_figures(sweep_of(2))[0].svg


def test_files_of_figures_that_are_left_out_now_are_removed(tmp_path: Path) -> None:
    (tmp_path / "simplex.png").write_bytes(b"old")
    (tmp_path / "notes.txt").write_text("the user's")
    write_figures([DrawnFigure(kind, missing="why") for kind in FIGURES], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_missing_parts_are_told(tmp_path: Path) -> None:
    lines, summary = write_sweep(tmp_path, 3, metrics=False, preferences=2)
    for part in ("cost_curve", "simplex", "marginal", "trees"):
        summary[part] = None
    for row in summary["by_cost_weight"]:
        row["brackets"] = {}
    write_files(tmp_path, lines, summary)
    reasons = {figure.kind.name: figure.missing for figure in draw_figures(read_sweep(tmp_path))}
    assert reasons == {
        "tradeoff_losses": "",
        "tradeoff_metrics": "fewer than two tasks have a metric whose direction is known in both the runs and the "
        "single-task nets",
        "marginal": "the summary has no marginal curves",
        "cost": "the summary has no cost curve",
        "simplex": "the summary has no grid over the simplex",
        "trees": "the summary has no trees",
        "relative_metrics": "no task has a metric whose direction is known in both the runs and the single-task nets",
        "brackets": "the summary compares no trees at equal share",
    }


def test_null_everywhere_is_drawn(tmp_path: Path) -> None:
    lines, summary = write_sweep(tmp_path, 3, preferences=2)
    for line in lines[1:]:
        line.update(flops=None, params=None)
        line["losses"][1] = None
        if line["kind"] != "bracket":
            line["metrics"]["depth/rmse"] = None
    text = json.dumps(summary)
    summary["simplex"]["share"][0][:5] = [None] * 5
    for row in summary["by_cost_weight"]:
        row.update(mean_share=None, mean_flops=None, mean_params=None)
    for tree in summary["trees"]:
        tree.update(share=None, flops=None)
    for name in ("share", "flops"):
        summary["cost_curve"][name]["mean"][3] = None
    summary["marginal"]["depth"][0]["bins"][0]["loss"] = None
    assert json.dumps(summary) != text
    write_files(tmp_path, lines, summary)
    sweep = read_sweep(tmp_path)
    for kind in FIGURES:
        kind.draw(sweep).draw_without_rendering()


def test_an_error_that_is_no_missing_part_is_not_hidden(sweep_of: Callable[..., SweepRecord]) -> None:
    with pytest.raises(MissingPartError, match="3 tasks only, the sweep has 2"):
        next(kind for kind in FIGURES if kind.name == "simplex").draw(sweep_of(2))


def test_series_differ_in_grey() -> None:
    styles = series_styles(len(MARKERS))
    assert len({style.marker for style in styles}) == len(styles)
    assert len({(style.marker, str(style.linestyle)) for style in series_styles(60)}) == 60
    assert len(MARKERS) * len(LINES) == 60
    lightness = [np.dot(style.color[:3], (0.299, 0.587, 0.114)) for style in styles]
    assert (np.diff(lightness) > 0.02).all()


def test_task_labels() -> None:
    long = "a_very_long_name_of_a_task"
    assert task_labels([long, "depth"]) == ["a_very_lo…of_a_task", "depth"]
    twin = "a_very_lo_but_else_of_a_task"
    assert task_labels([long, twin]) == [long, twin]
    assert plain("$x$") == r"\$x\$"


def test_evenly_chosen() -> None:
    assert evenly_chosen(11, 3) == [0, 5, 10]
    assert evenly_chosen(2, 3) == [0, 1]
    assert evenly_chosen(1, 3) == [0]
