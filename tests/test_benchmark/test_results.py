from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from benchmark_suite import RUNS, SECONDS, finish, finish_all, rows_of, suite_of

from mmdymu.benchmark import read_results
from mmdymu.benchmark.jobs import LISTED
from mmdymu.benchmark.results import united_rows
from mmdymu.evaluation.functional import hypervolume, uniformity


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "sweep.jsonl").read_text().splitlines()]


def test_every_measure_is_the_mean_over_seeds(tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path)
    finish_all(jobs)
    result = read_results(suite, jobs)
    assert [method.title for method in result.methods] == ["Single-task", "Static", "DYMU"]
    assert (result.preferences, result.images, result.references) == (4, 500, (2.0, 3.0))
    dymu = result.methods[2]
    own = [job for job in jobs if job.run.name == "dymu"]
    rows = dymu.rows("sweep")
    assert list(rows) == [0.0, 1.0]
    for name, entry in {
        "rL": "weighted_loss",
        "share": "mean_share",
        "flops": "mean_flops",
        "delta_m": "delta_m",
    }.items():
        values = rows_of(own, "sweep", entry)
        assert [row[name].mean for row in rows.values()] == pytest.approx(values.mean(axis=0)), name
        assert [row[name].std for row in rows.values()] == pytest.approx(values.std(axis=0, ddof=1)), name
    assert rows[0.0]["rL"].std > 0
    assert {"rL_controller", "rL_heuristic", "rL_oracle", "hypervolume_2", "hypervolume_3"} <= set(rows[0.0])
    assert result.notes == ()


def test_static_nets_are_one_method(tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path, seeds=[0])
    finish_all(jobs)
    nets = [job for job in jobs if job.run.name == "static"]
    # Nets differ: the second is worse than the first.
    finish(nets[1], 1.2)
    static = next(method for method in read_results(suite, jobs).methods if method.name == "static")
    assert static.rows("sweep") == {}
    (row,) = static.rows(LISTED).values()
    found = [line for net in nets for line in lines(net.folder / "sweep")]
    runs = [line for line in found if line["kind"] == "run"]
    single = np.array(next(line for line in found if line["kind"] == "single")["losses"])
    losses = np.array([run["losses"] for run in runs]) / single
    assert len(losses) == 2
    assert row["hypervolume_2"].mean == pytest.approx(hypervolume(losses, [2, 2]))
    expected = np.mean([uniformity(run["weights"], loss) for run, loss in zip(runs, losses, strict=True)])
    assert row["uniformity"].mean == pytest.approx(expected)
    assert row["rL"].mean == pytest.approx(
        np.mean([run["weights"] @ loss for run, loss in zip(runs, losses, strict=True)])
    )
    assert row["params"].mean == pytest.approx(np.mean([run["params"] for run in runs]))
    assert "rL_heuristic" not in row


def test_training_times_add_up(tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path, seeds=[0])
    finish_all(jobs)
    single, static, dymu = read_results(suite, jobs).methods
    assert single.train_seconds.mean == SECONDS
    assert static.train_seconds.mean == 2 * SECONDS, "a net for each preference"
    assert dymu.train_seconds.mean == 2 * SECONDS, "the single-task nets that it begins on"
    finish(jobs[0], seconds=None)
    assert math.isnan(read_results(suite, jobs).methods[2].train_seconds.mean)


def test_a_net_that_is_swept_twice_is_trained_once(tmp_path: Path) -> None:
    bare = {"config": "net.py", "label": "Bare", "load_from": "dymu", "trains": False}
    suite, jobs = suite_of(tmp_path, {**RUNS, "bare": bare}, seeds=[0])
    finish_all(jobs)
    result = read_results(suite, jobs)
    assert result.notes == ()
    assert [(method.title, method.train_seconds.mean) for method in result.methods[-2:]] == [
        ("DYMU", 2 * SECONDS),
        ("Bare", 2 * SECONDS),
    ]


def test_what_is_not_finished_is_noted(tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path)
    with pytest.raises(ValueError, match="no job of the suite is finished"):
        read_results(suite, jobs)
    for job in jobs:
        if (job.run.name, job.seed) != ("dymu", 1) and job.number != 1:
            finish(job)
    result = read_results(suite, jobs)
    assert [(method.name, len(method.seeds)) for method in result.methods] == [("single", 2), ("dymu", 1)]
    assert result.notes == (
        "Static, seed 0: not finished",
        "Static, seed 1: not finished",
        "DYMU, seed 1: not finished",
    )


def test_other_single_task_nets_are_noted(tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path, seeds=[0])
    finish_all(jobs)
    path = next(job for job in jobs if job.run.name == "dymu").folder / "sweep" / "sweep.jsonl"
    changed = [json.loads(line) for line in path.read_text().splitlines()]
    changed[1]["losses"][0] *= 1.01
    path.write_text("".join(json.dumps(line) + "\n" for line in changed))
    assert read_results(suite, jobs).notes == ("DYMU, seed 0: its losses are divided by other single-task nets'",)


def rewrite(path: Path, change: Callable[[dict], None]) -> None:
    changed = [json.loads(line) for line in path.read_text().splitlines()]
    for line in changed:
        change(line)
    path.write_text("".join(json.dumps(line) + "\n" for line in changed))


def test_results_of_another_config_are_left_out(tmp_path: Path) -> None:
    finish_all(suite_of(tmp_path, seeds=[0])[1])
    changed = {**RUNS, "dymu": {**RUNS["dymu"], "cfg_options": {"model.width": 9}}}
    result = read_results(*suite_of(tmp_path, changed, seeds=[0]))
    assert [method.name for method in result.methods] == ["single", "static"]
    assert result.notes == ("DYMU, seed 0: left out, it was run with another config or sweep",)


def test_what_is_not_finite_is_noted(tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path)
    finish_all(jobs)
    path = next(job for job in jobs if (job.run.name, job.seed) == ("dymu", 1)).folder / "sweep" / "summary.json"
    summary = json.loads(path.read_text())
    summary["by_cost_weight"][1]["weighted_loss"] = None
    path.write_text(json.dumps(summary))
    result = read_results(suite, jobs)
    assert result.notes == ("DYMU, seed 1: rL at c = 1 not known, so it counts for nothing",)
    assert [row["rL"].n for row in result.methods[2].rows("sweep").values()] == [2, 1]


def test_other_sweeps_are_noted(tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path, seeds=[0])
    finish_all(jobs)
    dymu = next(job for job in jobs if job.run.name == "dymu").folder / "sweep" / "sweep.jsonl"
    rewrite(dymu, lambda line: line.update(seed=5, images=499) if line["kind"] == "header" else None)
    assert read_results(suite, jobs).notes == (
        "DYMU, seed 0: swept with images = 499, not 500",
        "DYMU, seed 0: swept with seed = 5, not 0",
    )


def test_nets_of_other_references_are_left_out(tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path, seeds=[0])
    finish_all(jobs)
    net = next(job for job in jobs if job.number == 1).folder / "sweep" / "sweep.jsonl"
    rewrite(net, lambda line: line["losses"].reverse() if line["kind"] == "single" else None)
    result = read_results(suite, jobs)
    assert [method.name for method in result.methods] == ["single", "dymu"]
    assert result.notes == (
        "Static, seed 0: left out, its nets have their losses divided by different single-task nets'",
    )


def test_nets_of_one_method_need_one_reference(tmp_path: Path) -> None:
    _, jobs = suite_of(tmp_path, seeds=[0])
    finish_all(jobs)
    parts = [lines(job.folder / "sweep") for job in jobs if job.run.name == "static"]
    parts[1][1]["losses"][0] += 1
    with pytest.raises(ValueError, match="divided by different single-task nets"):
        united_rows(parts)
