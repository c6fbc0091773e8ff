from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sweep_folder import write_files, write_sweep

from mmdymu.evaluation.sweep import SweepFile, json_ready, summarize_sweep
from mmdymu.tree import BranchingTree
from mmdymu.visualization.sweep import read_sweep

RUN = 6
"""Of the lines, the first run: behind header, single-task nets and four brackets."""


@pytest.mark.parametrize("num_tasks", [2, 3, 5, 20])
def test_what_was_written_is_read(tmp_path: Path, num_tasks: int) -> None:
    lines, summary = write_sweep(tmp_path, num_tasks, preferences=3)
    sweep = read_sweep(tmp_path)

    header, single = lines[:2]
    runs = [line for line in lines if line["kind"] == "run"]
    first = runs[0]
    assert list(sweep.tasks) == header["tasks"]
    assert len(sweep.runs) == 9
    assert sweep.header.cost_weights == (0.0, 0.5, 1.0)
    assert sweep.runs[0].weights == tuple(first["weights"])
    assert sweep.runs[0].tree == BranchingTree(first["parents"])
    plain = [[a / b for a, b in zip(line["losses"], single["losses"], strict=True)] for line in runs]
    np.testing.assert_allclose(sweep.losses, plain)
    assert len(sweep.brackets) == 4 * 9
    assert sweep.summary.trees[0].name == "uniform"
    assert set(sweep.summary.marginal) == set(header["tasks"])
    assert (sweep.summary.simplex is None) == (num_tasks != 3)
    assert [row.mean_share for row in sweep.summary.by_cost_weight] == [
        row["mean_share"] for row in summary["by_cost_weight"]
    ]


def test_null_is_not_a_number_and_missing_parts_are_empty(folder: Path) -> None:
    lines, summary = _load(folder)
    lines[RUN].update(losses=[None, 0.5, 0.5], delta_m=None, flops=None)
    lines[RUN]["metrics"]["depth/rmse"] = None
    for part in ("cost_curve", "trees", "marginal", "control_range", "controller"):
        del summary[part]
    summary["by_cost_weight"][0].update(uniformity=None, brackets={})
    write_files(folder, lines, summary)
    sweep = read_sweep(folder)

    run = sweep.runs[0]
    assert math.isnan(run.losses[0])
    assert math.isnan(run.delta_m)
    assert math.isnan(run.flops)
    assert "depth/rmse" not in run.metrics
    assert np.isnan(sweep.losses[0]).tolist() == [True, False, False]
    assert sweep.summary.cost_curve is None
    assert sweep.summary.trees == ()
    assert sweep.summary.controller == {}
    assert sweep.summary.by_cost_weight[0].brackets == {}


def test_losses_of_a_single_task_net_of_zero_have_no_ratio(folder: Path) -> None:
    lines, summary = _load(folder)
    lines[1]["losses"][1] = 0.0
    write_files(folder, lines, summary)
    assert np.isnan(read_sweep(folder).losses[:, 1]).all()


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere' does not exist: give the --out of tools/sweep\.py"):
        read_sweep(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"has no sweep\.jsonl"):
        read_sweep(tmp_path)


def test_an_unfinished_sweep_is_refused_with_the_command_that_continues_it(folder: Path) -> None:
    lines, summary = _load(folder)
    command = rf"python tools/sweep\.py configs/dymu/toy\.py toy\.pth --out {folder}"
    write_files(folder, lines[: RUN + 7], summary)
    with pytest.raises(ValueError, match=rf"unfinished \(2 of 6 runs\): continue it with: {command}"):
        read_sweep(folder)
    (folder / "summary.json").unlink()
    write_files(folder, lines, None)
    with pytest.raises(ValueError, match=rf"unfinished \(6 of 6 runs, no summary\.json\): .*{command}"):
        read_sweep(folder)
    write_files(folder, [lines[0], *lines[2:]], summary)
    with pytest.raises(ValueError, match="0 lines of single-task nets instead of 1"):
        read_sweep(folder)


def test_a_broken_line_is_named(folder: Path) -> None:
    text = (folder / "sweep.jsonl").read_text().splitlines()
    text[3] = text[3][:40]
    (folder / "sweep.jsonl").write_text("\n".join(text))
    with pytest.raises(ValueError, match=r"sweep\.jsonl, line 4 is no JSON .*: the file is damaged, sweep into a new"):
        read_sweep(folder)
    (folder / "sweep.jsonl").write_text("\n".join(text[:4]))
    with pytest.raises(ValueError, match=r"sweep\.jsonl, line 4 is no JSON .*: continue the sweep"):
        read_sweep(folder)


def test_broken_or_foreign_summary(folder: Path) -> None:
    lines, summary = _load(folder)
    (folder / "summary.json").write_text('{"header": ')
    with pytest.raises(ValueError, match=r"summary\.json, line 1 is no JSON"):
        read_sweep(folder)
    write_files(folder, lines, {**summary, "header": {**summary["header"], "seed": 1}})
    with pytest.raises(ValueError, match=r"is of another sweep than sweep\.jsonl: delete it and continue"):
        read_sweep(folder)


@pytest.mark.parametrize(
    ("line", "change", "message"),
    [
        (0, {"format": 2}, r"line 1: format 2 is not the format 1 .* make the report with the version of mmdymu"),
        (0, {"tasks": ["a", "a", "b"]}, r"'tasks' must be different names, got \['a', 'a', 'b'\]"),
        (0, {"tasks": "depth"}, r"'tasks' must be a list, got 'depth'"),
        (0, {"kind": "header", "images": -1}, r"line 1: 'images' must be a whole number >= 0, got -1"),
        (1, {"losses": [1.0, 2.0]}, r"line 2: 'losses' must be 3 numbers, got \[1\.0, 2\.0\]"),
        (RUN, {"weights": "all"}, r"line 7: 'weights' must be a list, got 'all'"),
        (RUN, {"cost_weight": "low"}, r"line 7: 'cost_weight' must be a number or null, got 'low'"),
        (RUN, {"parents": [[0, 1, 7]]}, r"line 7: parents must lie in 0\.\.2"),
        (RUN, {"parents": [[0, 1]]}, r"line 7: 'parents' must be rows of 3 streams"),
        (RUN, {"kind": "walk"}, r"line 7: unknown kind 'walk'"),
        (-1, {"index": 0}, r"6 runs have 5 different indices"),
        (2, {"index": 99}, r"brackets of runs that are not there: \[99\]"),
    ],
)
def test_wrong_values_are_named(folder: Path, line: int, change: dict[str, Any], message: str) -> None:
    lines, summary = _load(folder)
    lines[line].update(change)
    write_files(folder, lines, summary)
    with pytest.raises(ValueError, match=message):
        read_sweep(folder)


def test_a_missing_value_is_named(folder: Path) -> None:
    lines, summary = _load(folder)
    del lines[RUN]["weights"]
    write_files(folder, lines, summary)
    with pytest.raises(ValueError, match=r"line 7 has no 'weights', only \['cost_weight', "):
        read_sweep(folder)


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("by_cost_weight", {}, r"'by_cost_weight' must be a list"),
        ("by_cost_weight", [3], r"'by_cost_weight' number 0 must be a JSON object, got 3"),
        ("simplex", {"weights": [[1, 0]], "cost_weights": [0], "share": [[1]]}, r"'weights' must be 3 numbers"),
        ("simplex", {"weights": [[1, 0, 0]], "cost_weights": [0], "share": []}, r"one row per cost weight"),
        ("trees", [{"name": 3}], r"'name' must be a string, got 3"),
        ("marginal", {"depth": [{"cost_weight": 0}]}, r"'depth' number 0 has no 'bins'"),
    ],
)
def test_wrong_parts_of_the_summary_are_named(folder: Path, part: str, value: Any, message: str) -> None:
    lines, summary = _load(folder)
    write_files(folder, lines, {**summary, part: value})
    with pytest.raises(ValueError, match=r"summary\.json.*" + message):
        read_sweep(folder)


def test_a_sweep_that_went_on_elsewhere_is_the_same_sweep(folder: Path) -> None:
    lines, summary = _load(folder)
    moved = {**summary["header"], "config": None, "checkpoint": "elsewhere/toy.pth", "version": "0.2.0"}
    write_files(folder, [{**lines[0], "config": None}, *lines[1:]], {**summary, "header": moved})
    assert read_sweep(folder).header.config == ""


def test_the_reader_understands_the_writer(folder: Path, tmp_path: Path) -> None:
    """Lines go through the sweep's own file and summary."""
    lines, summary = _load(folder)
    header = {key: value for key, value in lines[0].items() if key not in ("kind", "format")}
    file = SweepFile(tmp_path / "own" / "sweep.jsonl", header)
    file.append(lines[1:])
    kinds = (file.of_kind("single")[0], file.of_kind("run"), file.of_kind("bracket"))
    own = {**summary, "header": file.header, **summarize_sweep(file.header, *kinds)}
    (tmp_path / "own" / "summary.json").write_text(json.dumps(json_ready(own)), encoding="utf-8")

    sweep, ours = read_sweep(tmp_path / "own"), read_sweep(folder)
    assert sweep.runs == ours.runs
    assert sweep.brackets == ours.brackets
    assert sweep.summary.marginal == ours.summary.marginal
    assert sweep.summary.control_range == ours.summary.control_range
    row = sweep.summary.by_cost_weight[0]
    assert set(row.hypervolume) == set(row.hypervolume_root) == {"2.0", "3.0"}
    assert row.brackets == pytest.approx(ours.summary.by_cost_weight[0].brackets)
    assert 0 < row.uniformity <= 1


def test_a_header_must_come_first(folder: Path) -> None:
    lines, summary = _load(folder)
    write_files(folder, [*lines[1:], lines[0]], summary)
    with pytest.raises(ValueError, match="begins with its one header"):
        read_sweep(folder)


def _load(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "sweep.jsonl").read_text().splitlines()]
    return lines, json.loads((folder / "summary.json").read_text())
