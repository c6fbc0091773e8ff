"""The runner with tools that only pretend."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from benchmark_suite import RUNS, suite_of
from filelock import FileLock

from mmdymu.benchmark import Failure, Job, JobRunner
from mmdymu.benchmark.record import read_record

TRAIN = """
import os, pathlib, subprocess, sys, time
config, work_dir = pathlib.Path(sys.argv[1]).read_text(), pathlib.Path(sys.argv[3])
assert sys.argv[2:5:2] == ["--work-dir", "--resume"]
with open("order.txt", "a") as file:
    print("train", work_dir.parent, os.environ.get("CUDA_VISIBLE_DEVICES"), file=file)
if "broken = 1" in config:
    sys.exit("error: no such loss")
if "slow = 1" in config:
    worker = subprocess.Popen(["sleep", "60"])
    pathlib.Path("slow.tmp").write_text(f"{os.getpid()} {worker.pid}")
    os.rename("slow.tmp", "slow.txt")
    time.sleep(60)
work_dir.mkdir(exist_ok=True)
(work_dir / "last_checkpoint").write_text("iter_3.pth")
"""
SWEEP = """
import pathlib, sys
out = pathlib.Path(sys.argv[4])
assert sys.argv[3] == "--out"
with open("order.txt", "a") as file:
    print(out.name, out.parent, sys.argv[2], file=file)
out.mkdir(exist_ok=True)
(out / "summary.json").write_text("{}")
"""


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tools").mkdir()
    Path("tools/train.py").write_text(TRAIN)
    Path("tools/sweep.py").write_text(SWEEP)


def run(jobs: list[Job], workers: int = 1, redo: bool = False) -> tuple[list[Failure], list[str], list[str]]:
    """Failures, what was started, and what was told."""
    told: list[str] = []
    environments = [{"CUDA_VISIBLE_DEVICES": str(k)} for k in range(workers)]
    failures = JobRunner(Path("tools"), environments, told.append, redo=redo).run(jobs)
    order = Path("order.txt")
    started = order.read_text().splitlines() if order.exists() else []
    order.unlink(missing_ok=True)
    return failures, started, told


def jobs_of(tmp_path: Path, **changes: object) -> list[Job]:
    return suite_of(Path(), **{"seeds": [0], **changes})[1]  # type: ignore[arg-type]


def is_running(pid: int) -> bool:
    """Whether a process is there and no mere entry that its parent has not read."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def test_every_job_is_trained_then_swept_behind_those_that_it_needs(tmp_path: Path) -> None:
    failures, started, told = run(jobs_of(tmp_path))
    assert failures == []
    assert [line.rsplit(" ", 1)[0] for line in started] == [
        "train out/single/seed0",
        "sweep out/single/seed0",
        "sweep_listed out/single/seed0",
        *(f"{step} out/static/seed0/preference{k}" for k in (0, 1) for step in ("train", "sweep")),
        "train out/dymu/seed0",
        "sweep out/dymu/seed0",
        "sweep_listed out/dymu/seed0",
    ]
    assert started[1].endswith(" out/single/seed0/train/iter_3.pth")
    assert told[0] == "[0/4] single, seed 0: training"
    assert told[-1] == "[4/4] dymu, seed 0: done"


def test_nothing_is_done_twice(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path)
    run(jobs)
    assert run(jobs)[1] == []
    changed = jobs_of(tmp_path, sweep={"preferences": 5, "cost_weights": [0.0, 1.0]})
    with pytest.raises(ValueError, match="holds another sweep"):
        run(changed)
    started = run(changed, redo=True)[1]
    assert [line.split()[0] for line in started] == ["sweep"] * 2, "static nets are swept at their own preferences"


def test_a_failure_stops_only_what_needs_it(tmp_path: Path) -> None:
    runs = {
        "single": RUNS["single"],
        "bad": {"config": "net.py", "cfg_options": {"broken": 1}},
        "on_bad": {"config": "net.py", "load_from": "bad"},
        "good": {"config": "net.py"},
    }
    jobs = suite_of(Path(), runs, seeds=[0])[1]
    failures, started, told = run(jobs)
    assert [str(failure) for failure in failures] == [
        "bad, seed 0: train ended with exit status 1 (error: no such loss), see out/bad/seed0/train.log",
        "on_bad, seed 0: not run, it needs bad, seed 0, which is not done",
    ]
    assert "no such loss" in Path("out/bad/seed0/train.log").read_text()
    assert "good, seed 0: done" in told[-1]
    assert read_record(jobs[-1].folder).done == ("train", "sweep")
    # Once mended, the failed one alone is run, and what needs it.
    Path("tools/train.py").write_text(TRAIN.replace("broken = 1", "mended"))
    failures, started, _ = run(jobs)
    assert failures == []
    assert {line.split()[1] for line in started} == {"out/bad/seed0", "out/on_bad/seed0"}


def test_a_tool_that_leaves_nothing_has_failed(tmp_path: Path) -> None:
    Path("tools/sweep.py").write_text("")
    (failure, *_) = run(jobs_of(tmp_path))[0]
    assert "summary.json, see out/single/seed0/sweep.log" in failure.reason


def test_every_worker_has_its_own_environment(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path, seeds=[0, 1, 2])
    failures, started, _ = run(jobs, workers=2)
    assert failures == []
    assert len(started) == 3 * 10
    gpus = [line.split()[2] for line in started if line.startswith("train")]
    assert set(gpus) == {"0", "1"}


def test_what_runs_is_told_and_ended_with_the_runner(tmp_path: Path) -> None:
    jobs = suite_of(Path(), {"single": {"config": "net.py", "cfg_options": {"slow": 1}}}, seeds=[0])[1]
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        if Path("slow.txt").exists() and text.endswith("starting"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        JobRunner(Path("tools"), [{}], say, interval=0.1).run(jobs)
    assert "[0/1] single, seed 0: starting" in told
    time.sleep(0.1)
    assert [pid for pid in map(int, Path("slow.txt").read_text().split()) if is_running(pid)] == []
    assert read_record(jobs[0].folder).done == ()


def test_two_runners_do_not_share_a_folder(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path)
    other = FileLock(jobs[0].folder / "job.lock")
    jobs[0].folder.mkdir(parents=True)
    with other:
        failures, started, _ = run(jobs)
    assert failures[0].reason == "another benchmark runs it at this moment"
    assert started == []
    assert run(jobs)[0] == []
    other.acquire(timeout=0)


def test_jobs_that_are_needed_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"not among those that are run: \['single, seed 0'\]"):
        run(jobs_of(tmp_path)[-1:])
