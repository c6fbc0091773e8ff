from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from benchmark_suite import RUNS, SECONDS, finish, finish_all, rows_of, suite_of

from mmdymu.benchmark import check_stored, read_benchmark, read_results, write_benchmark
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
    for number, task in enumerate(("semseg", "depth")):
        values = []
        for job in own:
            found = lines(job.folder / "sweep")
            single = next(line for line in found if line["kind"] == "single")
            runs = [line for line in found if line["kind"] == "run" and line["cost_weight"] == 1.0]
            values.append(np.mean([run["losses"][number] for run in runs]) / single["losses"][number])
        assert rows[1.0][f"loss_{task}"].mean == pytest.approx(np.mean(values))
    assert rows[0.0]["semseg/mIoU"].n == rows[0.0]["depth/rmse"].n == 2
    assert "semseg/aAcc" not in rows[0.0]
    assert rows[0.0]["rL"].std > 0
    assert {"rL_controller", "rL_heuristic", "rL_oracle", "hypervolume_2", "hypervolume_3"} <= set(rows[0.0])
    assert result.notes == ()


def test_an_older_summary_lacks_nothing(tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path, seeds=[0])
    finish_all(jobs)
    expected = read_results(suite, jobs)
    for job in jobs:
        for sweep in job.sweeps:
            path = job.folder / sweep / "summary.json"
            path.write_text(json.dumps({"controller": json.loads(path.read_text())["controller"]}))
    assert read_results(suite, jobs) == expected


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


def test_a_run_that_is_not_swept_is_in_no_table(tmp_path: Path) -> None:
    base = {"config": "net.py", "swept": False}
    runs = {**RUNS, "base": base, "dymu": {**RUNS["dymu"], "load_from": "base"}}
    suite, jobs = suite_of(tmp_path, runs, seeds=[0])
    finish_all([job for job in jobs if job.run.name != "base"])
    assert "base" not in str(read_results(suite, jobs).notes)
    finish_all(jobs)
    result = read_results(suite, jobs)
    assert [method.name for method in result.methods] == ["single", "static", "dymu"]
    assert result.notes == ()
    assert result.methods[-1].train_seconds.mean == 2 * SECONDS, "the base that it begins on"


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
        "Static, seeds 0, 1: not finished here",
        "DYMU, seed 1: not finished here",
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
    path = next(job for job in jobs if (job.run.name, job.seed) == ("dymu", 1)).folder / "sweep" / "sweep.jsonl"
    rewrite(path, lambda line: line.update(delta_m=None) if line.get("cost_weight") == 1.0 else None)
    result = read_results(suite, jobs)
    assert result.notes == ("DYMU, seed 1: delta_m at c = 1 not known, so it counts for nothing",)
    assert [row["delta_m"].n for row in result.methods[2].rows("sweep").values()] == [2, 1]
    assert [row["rL"].n for row in result.methods[2].rows("sweep").values()] == [2, 2]


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


def stored_result(
    folder: Path, finished: list[int], *options: object, only: str | None = None, **changes: object
) -> Path:
    """The benchmark.json of another folder, in which these seeds of all runs, or of one, are finished."""
    folder.mkdir()
    suite, jobs = suite_of(folder, *options, **changes)
    finish_all([job for job in jobs if job.seed in finished and only in (None, job.run.name)])
    return write_benchmark(read_results(suite, jobs), folder / "out")[-1]


def test_a_file_holds_what_was_found(tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path)
    finish_all(jobs)
    result = read_results(suite, jobs)
    assert read_benchmark(write_benchmark(result, tmp_path / "out")[-1]) == result
    finish(jobs[0], seconds=None)
    read = read_benchmark(write_benchmark(read_results(suite, jobs), tmp_path / "out")[-1])
    assert math.isnan(read.methods[0].seeds[0].train_seconds)


def test_seeds_from_elsewhere_join_those_of_this_folder(tmp_path: Path) -> None:
    path = stored_result(tmp_path / "other", [1])
    suite, jobs = suite_of(tmp_path)
    finish_all([job for job in jobs if job.seed == 0])
    result = read_results(suite, jobs, {"b.json": read_benchmark(path)})
    finish_all(jobs)
    whole = read_results(suite, jobs)
    names = ("Single-task", "Static", "DYMU")
    assert result.notes == tuple(f"{name}, seed 1: not finished here; taken from b.json" for name in names)
    assert (result.about, result.methods) == (whole.about, whole.methods)


def test_what_is_finished_here_comes_first(tmp_path: Path) -> None:
    path = stored_result(tmp_path / "other", [0, 1])
    suite, jobs = suite_of(tmp_path)
    for job in jobs:
        finish(job, 2.0)
    assert read_results(suite, jobs, {"b.json": read_benchmark(path)}) == read_results(suite, jobs)


def test_the_first_file_comes_first(tmp_path: Path) -> None:
    first, second = (read_benchmark(stored_result(tmp_path / name, [0, 1])) for name in "ab")
    static = read_benchmark(stored_result(tmp_path / "c", [0, 1], only="static"))
    assert static.preferences == 0, "static nets have no drawn preferences"
    result = read_results(*suite_of(tmp_path), {"static": static, "a": first, "b": second})
    assert result.preferences == 4
    assert [note.rpartition(" ")[2] for note in result.notes] == ["a", "static", "a"]
    assert result.methods == first.methods


@pytest.mark.parametrize("changed", [{"cfg_options": {"model.width": 9}}, {"sweep": {"seed": 7}}])
def test_seeds_of_another_config_or_sweep_are_left_out(tmp_path: Path, changed: dict) -> None:
    runs = {**RUNS, "dymu": {**RUNS["dymu"], **changed}}
    stored = {"b.json": read_benchmark(stored_result(tmp_path / "other", [0], runs))}
    result = read_results(*suite_of(tmp_path, seeds=[0]), stored)
    assert [method.name for method in result.methods] == ["single", "static"]
    left_out = "not finished here; that of b.json is left out, it was run with another config or sweep"
    assert f"DYMU, seed 0: {left_out}" in result.notes


def test_where_data_lie_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prints = []
    for name in "ab":
        monkeypatch.setenv("ROOM", name)
        (tmp_path / name).mkdir()
        _, jobs = suite_of(tmp_path / name, seeds=[0])
        (tmp_path / name / "net.py").write_text("data = '{{$ROOM:none}}/images'\n")
        prints.append([job.fingerprint for job in jobs])
        assert len(set(prints[-1])) == len(jobs)
        assert jobs[0].train_config({}).data == f"{name}/images"
    assert prints[0] == prints[1]


def test_other_single_task_nets_elsewhere_are_noted(tmp_path: Path) -> None:
    path = stored_result(tmp_path / "other", [0])
    data = json.loads(path.read_text())
    dymu = next(method for method in data["methods"] if method["name"] == "dymu")
    dymu["seeds"][0]["single"][0] *= 1.01
    dymu["seeds"][0]["rows"]["sweep"][0]["rL"] = None
    path.write_text(json.dumps(data))
    notes = read_results(*suite_of(tmp_path, seeds=[0]), {"b.json": read_benchmark(path)}).notes
    assert "DYMU, seed 0: its losses are divided by other single-task nets'" in notes
    assert "DYMU, seed 0: rL at c = 0 not known, so it counts for nothing" in notes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": "Others"}, "'b.json' is of another benchmark: its title is 'Others', here 'Toys': leave it out"),
        (
            {"preferences": [[1, 0], [0, 1]]},
            "its preferences of static nets are ((1.0, 0.0), (0.0, 1.0)), here",
        ),
        ({"seeds": [7]}, "'b.json' has no seed of a run that this suite has"),
    ],
)
def test_results_of_another_suite_are_refused_before_it_runs(tmp_path: Path, changes: dict, message: str) -> None:
    path = stored_result(tmp_path / "other", [1, 7], **changes)
    with pytest.raises(ValueError, match=re.escape(message)):
        check_stored(suite_of(tmp_path)[0], {"b.json": read_benchmark(path)})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("images", 8, "its number of test images is 8, here 500"),
        ("references", [2.0, 4.0], "its reference points of the hypervolume are (2.0, 4.0), here (2.0, 3.0)"),
        ("tasks", ["a", "b"], "its tasks are ('a', 'b'), here"),
        ("preferences", 5, "its number of drawn preferences is 5, here 4"),
    ],
)
@pytest.mark.parametrize("here", [True, False])
def test_results_of_another_measurement_are_refused(
    tmp_path: Path, name: str, value: object, message: str, here: bool
) -> None:
    path = stored_result(tmp_path / "other", [1])
    first = read_benchmark(stored_result(tmp_path / "first", [0]))
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    suite, jobs = suite_of(tmp_path)
    if here:
        finish_all([job for job in jobs if job.seed == 0])
    others = {} if here else {"a.json": first}
    with pytest.raises(ValueError, match=re.escape(message)):
        read_results(suite, jobs, {**others, "b.json": read_benchmark(path)})


SEED = {"seed": 0, "rows": {}, "control_params": 0, "train_seconds": None, "single": [1.0], "asked": ""}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        *(
            json.dumps({"methods": [{"name": "a", "title": "A", "seeds": [seed]}]})
            for seed in ({}, {**SEED, "rows": [1]}, {**SEED, "rows": {"sweep": [{}]}}, {**SEED, "single": None})
        ),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "b.json"
    with pytest.raises(FileNotFoundError, match=r"b\.json' is not there"):
        read_benchmark(path)
    with pytest.raises(FileNotFoundError, match=r"is a folder: give its benchmark\.json"):
        read_benchmark(tmp_path)
    path.write_text(text)
    with pytest.raises(ValueError, match=r"b\.json' is no benchmark\.json of a benchmark"):
        read_benchmark(path)
