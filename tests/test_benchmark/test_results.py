from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from benchmark_suite import RUNS, SECONDS, finish, finish_all, rows_of, suite_of

from mmdymu.benchmark import read_benchmark, read_results, write_benchmark
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


def stored_result(folder: Path, seeds: list[int], **changes: object) -> Path:
    """The benchmark.json of another folder, in which these seeds of all runs are finished."""
    folder.mkdir()
    suite, jobs = suite_of(folder, **changes)
    finish_all([job for job in jobs if job.seed in seeds])
    return write_benchmark(read_results(suite, jobs), folder / "out")[-1]


def test_a_file_holds_what_was_found(tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path)
    finish_all(jobs)
    finish(jobs[0], seconds=None)
    result = read_results(suite, jobs)
    read = read_benchmark(write_benchmark(result, tmp_path / "out")[-1])
    assert math.isnan(read.methods[0].seeds[0].train_seconds)
    assert read.about == result.about
    for first, second in zip(read.methods, result.methods, strict=True):
        assert (first.name, first.title) == (second.name, second.title)
        assert first.rows("sweep") == second.rows("sweep")
        assert first.rows(LISTED) == second.rows(LISTED)
        assert first.control_params == second.control_params


def test_seeds_from_elsewhere_join_those_of_this_folder(tmp_path: Path) -> None:
    path = stored_result(tmp_path / "other", [1])
    suite, jobs = suite_of(tmp_path)
    finish_all([job for job in jobs if job.seed == 0])
    result = read_results(suite, jobs, {"b.json": read_benchmark(path)})
    finish_all(jobs)
    whole = read_results(suite, jobs)
    assert result.notes == tuple(f"{name}, seed 1: from b.json" for name in ("Single-task", "Static", "DYMU"))
    assert result.about == whole.about
    for first, second in zip(result.methods, whole.methods, strict=True):
        assert first.rows("sweep") == second.rows("sweep")
        assert first.rows(LISTED) == second.rows(LISTED)


def test_what_is_finished_here_comes_first(tmp_path: Path) -> None:
    path = stored_result(tmp_path / "other", [0, 1])
    suite, jobs = suite_of(tmp_path)
    for job in jobs:
        finish(job, 2.0)
    assert read_results(suite, jobs, {"b.json": read_benchmark(path)}) == read_results(suite, jobs)


def test_a_table_of_stored_seeds_alone(tmp_path: Path) -> None:
    stored = read_benchmark(stored_result(tmp_path / "other", [0, 1]))
    assert read_results(*suite_of(tmp_path), {"b.json": stored}).methods == stored.methods


def test_other_single_task_nets_elsewhere_are_noted(tmp_path: Path) -> None:
    path = stored_result(tmp_path / "other", [0])
    data = json.loads(path.read_text())
    dymu = next(method for method in data["methods"] if method["name"] == "dymu")
    dymu["seeds"][0]["single"][0] *= 1.01
    path.write_text(json.dumps(data))
    notes = read_results(*suite_of(tmp_path, seeds=[0]), {"b.json": read_benchmark(path)}).notes
    assert "DYMU, seed 0: its losses are divided by other single-task nets'" in notes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": "Others"}, "'b.json' has title 'Others', not 'Toys': leave it out"),
        ({"preferences": [[1, 0], [0, 1]]}, "'b.json' has listed"),
        ({"sweep": {"preferences": 5, "cost_weights": [0.0, 1.0]}}, "'b.json' has preferences 5, not 4"),
    ],
)
@pytest.mark.parametrize("here", [True, False])
def test_results_of_another_benchmark_are_refused(tmp_path: Path, changes: dict, message: str, here: bool) -> None:
    stored = read_benchmark(stored_result(tmp_path / "other", [1], **changes))
    suite, jobs = suite_of(tmp_path)
    own = stored_result(tmp_path / "own", [0])
    if here:
        finish_all([job for job in jobs if job.seed == 0])
    others = {} if here else {"own.json": read_benchmark(own)}
    with pytest.raises(ValueError, match=re.escape(message)):
        read_results(suite, jobs, {**others, "b.json": stored})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"methods": [{"name": "a", "title": "A", "seeds": [{}]}]}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "b.json"
    with pytest.raises(FileNotFoundError, match=r"b\.json' does not exist"):
        read_benchmark(path)
    path.write_text(text)
    with pytest.raises(ValueError, match=r"b\.json' is no benchmark\.json of a benchmark"):
        read_benchmark(path)
