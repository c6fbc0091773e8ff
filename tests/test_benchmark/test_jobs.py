from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmark_suite import RUNS, finish, suite_of
from mmengine.config import Config

from mmdymu.benchmark import Job, read_suite, suite_jobs
from mmdymu.benchmark.record import JobRecord, read_record, write_record
from mmdymu.benchmark.steps import begin_job, finish_step, next_step, refused_jobs


def job_of(jobs: list[Job], name: str, seed: int = 0, number: int | None = None) -> Job:
    return next(job for job in jobs if (job.run.name, job.seed, job.number) == (name, seed, number))


def test_a_static_net_is_a_job_for_every_preference(tmp_path: Path) -> None:
    _, jobs = suite_of(tmp_path)
    assert len(jobs) == 2 * (1 + 2 + 1)
    assert len({job.folder for job in jobs}) == len(jobs)
    static = job_of(jobs, "static", 1, 1)
    assert static.train_config({}).model == {"width": 4, "preference": [1.0, 1.0]}
    assert static.name == "static, seed 1, preference [1.0, 1.0]"
    assert list(static.sweeps) == ["sweep"]
    assert static.sweeps["sweep"]["preferences"] == [[1.0, 1.0]]
    listed = job_of(jobs, "dymu").sweeps["sweep_listed"]
    assert listed["preferences"] == [[1.0, 0.0], [1.0, 1.0]]
    assert listed["cost_weights"] == [0.0, 1.0]


def test_without_static_nets_there_is_one_sweep(tmp_path: Path) -> None:
    _, jobs = suite_of(tmp_path, {"single": RUNS["single"]})
    assert all(list(job.sweeps) == ["sweep"] for job in jobs)


def test_configs_have_seed_options_and_checkpoints(tmp_path: Path) -> None:
    runs = {**RUNS, "peer": {"config": "net.py", "cfg_options": {"model.w": "{checkpoint:single}", "model.width": 8}}}
    _, jobs = suite_of(tmp_path, runs)
    peer = job_of(jobs, "peer", 1)
    config = peer.train_config({"single": "s.pth"})
    assert config.model == {"width": 8, "w": "s.pth"}
    assert config.randomness.seed == 1
    assert config.get("load_from") is None
    sweep = peer.sweep_config("sweep", {"single": "s.pth"}, Path("there")).sweep
    assert sweep == {"seed": 3, "preferences": 4, "cost_weights": [0.0, 1.0], "single": "there"}
    dymu = job_of(jobs, "dymu")
    assert dymu.train_config({"single": "s.pth"}).load_from == "s.pth"
    single = job_of(jobs, "single")
    assert single.sweep_config("sweep", {}, None).sweep.single is None
    assert (peer.reference, dymu.reference, single.reference) == (job_of(jobs, "single", 1), single, None)


def digests(tmp_path: Path, name: str, **changes: object) -> dict[str, str]:
    return job_of(suite_of(tmp_path, **changes)[1], name).digests


def test_digests_tell_what_was_asked(tmp_path: Path) -> None:
    before = digests(tmp_path, "dymu")
    assert digests(tmp_path, "dymu", title="Other", seeds=[0]) == before
    swept = digests(tmp_path, "dymu", sweep={"preferences": 5, "cost_weights": [0.0, 1.0]})
    assert swept["train"] == before["train"]
    assert swept["sweep"] != before["sweep"]
    runs = {**RUNS, "single": {**RUNS["single"], "cfg_options": {"model.width": 5}}}
    assert digests(tmp_path, "dymu", runs=runs)["train"] != before["train"], "the anchor is another one"
    assert len(set(digests(tmp_path, "dymu", cfg_options={"x": 1}).values()) & set(before.values())) == 0


def test_steps_follow_each_other(tmp_path: Path) -> None:
    _, jobs = suite_of(tmp_path)
    single, dymu = job_of(jobs, "single"), job_of(jobs, "dymu")
    write_record(single.folder, JobRecord(single.digests, ("train",), "iter_7.pth"))
    begin_job(dymu, redo=False)
    step = next_step(dymu, Path("tools"))
    assert step is not None
    assert step.name == "train"
    assert step.command[1:] == (
        "tools/train.py", str(dymu.folder / "train_config.py"), "--work-dir", str(dymu.work_dir), "--resume"
    )  # fmt: skip
    assert f"load_from = '{single.work_dir / 'iter_7.pth'}'" in (dymu.folder / "train_config.py").read_text()
    with pytest.raises(FileNotFoundError, match="has no last_checkpoint"):
        finish_step(step)
    dymu.work_dir.mkdir()
    (dymu.work_dir / "last_checkpoint").write_text(f"{dymu.work_dir}/iter_9.pth\n")
    finish_step(step)
    record = read_record(dymu.folder)
    assert (record.done, record.checkpoint, record.train_seconds) == (("train",), "iter_9.pth", None)
    step = next_step(dymu, Path("tools"))
    assert step is not None
    assert step.command[1:4] == (
        "tools/sweep.py", str(dymu.folder / "sweep_config.py"), str(dymu.work_dir / "iter_9.pth")
    )  # fmt: skip
    with pytest.raises(FileNotFoundError, match=r"has no summary\.json"):
        finish_step(step)


def test_a_run_that_does_not_train_sweeps_anothers_checkpoint(tmp_path: Path) -> None:
    bare = {"config": "net.py", "load_from": "dymu", "trains": False, "cfg_options": {"model.width": 8}}
    _, jobs = suite_of(tmp_path, {**RUNS, "bare": bare, "barer": {**bare, "load_from": "bare"}})
    dymu = job_of(jobs, "dymu")
    write_record(dymu.folder, JobRecord(dymu.digests, dymu.steps, "iter_7.pth"))
    for name in ("bare", "barer"):
        job = job_of(jobs, name)
        assert job.steps == ("sweep", "sweep_listed")
        begin_job(job, redo=False)
        step = next_step(job, Path("tools"))
        assert step is not None
        assert step.command[1:4] == (
            "tools/sweep.py", str(job.folder / "sweep_config.py"), str(dymu.work_dir / "iter_7.pth")
        )  # fmt: skip
        assert Config.fromfile(job.folder / "sweep_config.py").model.width == 8
    other = {**RUNS["dymu"], "cfg_options": {"model.width": 5}}
    _, changed = suite_of(tmp_path, {**RUNS, "dymu": other, "bare": bare})
    assert [job.run.name for job, _ in refused_jobs(changed)] == ["dymu", "bare"], "it is another checkpoint"
    _, trained = suite_of(tmp_path, {**RUNS, "bare": {**bare, "trains": True}})
    assert [job.run.name for job, _ in refused_jobs(trained)] == ["bare"], "its sweeps are of another net"


def test_a_run_that_is_not_swept_trains_alone(tmp_path: Path) -> None:
    base = {"config": "net.py", "swept": False}
    _, jobs = suite_of(tmp_path, {**RUNS, "base": base, "dymu": {**RUNS["dymu"], "load_from": "base"}})
    job = job_of(jobs, "base")
    assert job.steps == ("train",)
    begin_job(job, redo=False)
    step = next_step(job, Path("tools"))
    assert step is not None
    assert step.name == "train"
    job.work_dir.mkdir()
    (job.work_dir / "last_checkpoint").write_text("somewhere/iter_3.pth")
    finish_step(step)
    assert next_step(job, Path("tools")) is None
    dymu = job_of(jobs, "dymu")
    assert dymu.start == job
    config = dymu.train_config({"base": str(job.work_dir / "iter_3.pth"), "single": "single.pth"})
    assert config.load_from == str(job.work_dir / "iter_3.pth")


RETRAINED = {"config": "net.py", "tree_of": "dymu", "flops_of": "searched"}


def test_a_run_can_train_a_controllers_tree_of_another_nets_cost(tmp_path: Path) -> None:
    runs = {**RUNS, "searched": {"config": "net.py"}, "retrained": RETRAINED}
    _, jobs = suite_of(tmp_path, runs)
    single, dymu, searched, job = (job_of(jobs, name, 1) for name in ("single", "dymu", "searched", "retrained"))
    for needed in (single, dymu, searched):
        finish(needed)
    begin_job(job, redo=False)
    with pytest.raises(ValueError, match="flops_of: searched, seed 1 is no static net"):
        next_step(job, Path("tools"))
    lines = [{"kind": "header"}, *({"kind": "run", "index": k, "flops": 123456.0} for k in range(2))]
    (searched.folder / "sweep" / "sweep.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    step = next_step(job, Path("tools"))
    assert step is not None
    assert job.steps == ("tree", "train", "sweep", "sweep_listed")
    assert step.command[1:] == (
        "tools/tree.py", str(job.folder / "tree_config.py"), str(dymu.work_dir / "iter_10.pth"),
        "--budget", "flops=123456", "--out", str(job.tree_file),
    )  # fmt: skip
    asked = Config.fromfile(job.folder / "tree_config.py")
    assert asked.load_from == str(single.work_dir / "iter_10.pth"), "it is the controller's own config"
    assert (asked.pref, asked.cost_weight) == (None, 0), "for equal tasks"
    with pytest.raises(FileNotFoundError, match=r"tree' has no tree\.json"):
        finish_step(step)
    job.tree_file.parent.mkdir()
    job.tree_file.write_text('{"parents": [[0, 0], [0, 1]]}')
    finish_step(step)
    step = next_step(job, Path("tools"))
    assert step is not None
    assert step.name == "train"
    assert Config.fromfile(job.folder / "train_config.py").model.edge_hypernet.tree == [[0, 0], [0, 1]]
    assert job.sweep_config("sweep", {}, None).model.edge_hypernet.tree == [[0, 0], [0, 1]]


def test_another_search_asks_for_another_tree(tmp_path: Path) -> None:
    runs = {**RUNS, "searched": {"config": "net.py"}, "retrained": RETRAINED}
    _, jobs = suite_of(tmp_path, runs)
    job = job_of(jobs, "retrained")
    write_record(job.folder, JobRecord(job.digests, job.steps, "iter_7.pth"))
    job.tree_file.parent.mkdir()
    job.tree_file.write_text("{}")
    assert refused_jobs([job]) == []
    _, other = suite_of(tmp_path, {**runs, "searched": {"config": "net.py", "cfg_options": {"model.width": 5}}})
    again = job_of(other, "retrained")
    begin_job(again, redo=True)
    assert read_record(job.folder).done == ()
    assert not job.tree_file.exists()


def test_another_request_is_refused_or_redone(tmp_path: Path) -> None:
    _, jobs = suite_of(tmp_path)
    job = job_of(jobs, "single")
    write_record(job.folder, JobRecord(job.digests, ("train", "sweep", "sweep_listed"), "iter_7.pth"))
    for name in ("train", "sweep", "sweep_listed"):
        (job.folder / name).mkdir()
    assert refused_jobs([job]) == []

    _, other = suite_of(tmp_path, sweep={"preferences": 5, "cost_weights": [0.0, 1.0]})
    swept = job_of(other, "single")
    # The number of drawn preferences does not change the sweep at the listed ones.
    assert refused_jobs([swept]) == [(swept, ["sweep"])]
    with pytest.raises(ValueError, match="holds another sweep"):
        begin_job(swept, redo=False)
    begin_job(swept, redo=True)
    assert read_record(job.folder).done == ("train", "sweep_listed")
    assert (job.folder / "train").is_dir()
    assert not (job.folder / "sweep").exists()

    _, trained = suite_of(tmp_path, cfg_options={"model.width": 6})
    again = job_of(trained, "single")
    begin_job(again, redo=True)
    assert read_record(job.folder) == JobRecord(again.digests)
    assert not (job.folder / "train").exists()


def test_a_config_is_read_once(tmp_path: Path) -> None:
    job = suite_of(tmp_path)[1][0]
    digests = job.digests
    (tmp_path / "net.py").write_text("model = dict(width=999)\n")
    config = job.train_config({})
    assert (config.model.width, config.train_cfg.max_iters) == (4, 10)
    assert job.sweep_config("sweep", {}, None).model.width == 4
    assert suite_jobs(read_suite(tmp_path / "suite.py"), tmp_path / "out")[0].digests != digests


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("{")
    with pytest.raises(ValueError, match=r"job\.json is no record of a job .*: remove it"):
        read_record(tmp_path)
