"""The steps of a job as commands, and what is kept of them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .jobs import DRAWN, TRAIN, TREE, Job
from .record import JobRecord, read_record, write_record
from .training_log import read_logs, training_seconds

__all__ = ["Step", "begin_job", "finish_step", "next_step", "refused_jobs"]


@dataclass(frozen=True)
class Step:
    """One process of a job.

    Attributes:
        job: Whose.
        name: ``tree``, ``train``, or the sweep's folder.
        command: Program and arguments.
    """

    job: Job
    name: str
    command: tuple[str, ...]

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.job.folder / f"{self.name}.log"


def refused_jobs(jobs: Sequence[Job]) -> list[tuple[Job, list[str]]]:
    """Jobs whose folder holds something else than what is asked now, with the steps that differ."""
    changed = [(job, read_record(job.folder).changed(job.digests)) for job in jobs]
    return [(job, steps) for job, steps in changed if steps]


def begin_job(job: Job, redo: bool) -> None:
    """Writes down what is asked.

    Args:
        job: The job.
        redo: Whether results of another request are removed; of another sweep alone, the training stays.

    Raises:
        ValueError: If there are such results, and ``redo`` is not set.
    """
    record = read_record(job.folder)
    changed = record.changed(job.digests)
    if changed and not redo:
        raise ValueError(f"'{job.folder}' holds another {' and '.join(changed)}")
    if TRAIN in changed:
        # Not all of the folder: those of single preferences lie side by side with what a user may have put there.
        changed, record = [TREE, TRAIN, *job.sweeps], JobRecord()
    for step in changed:
        shutil.rmtree(job.folder / step, ignore_errors=True)
        (job.folder / f"{step}.log").unlink(missing_ok=True)
    done = tuple(step for step in record.done if step not in changed)
    write_record(job.folder, replace(record, digests={**record.digests, **job.digests}, done=done))


def next_step(job: Job, tools: Path) -> Step | None:
    """The first step that is not done; None if there is none. Its config is written.

    Args:
        job: The job, begun; those that it needs are finished.
        tools: Folder of train.py, sweep.py and tree.py.
    """
    record = read_record(job.folder)
    left = [name for name in job.steps if name not in record.done]
    if not left:
        return None
    checkpoints = _checkpoints(job)
    config, name = job.folder / f"{left[0]}_config.py", left[0]
    if name == TREE:
        arguments = _tree_arguments(job, config)
    elif name == TRAIN:
        job.train_config(checkpoints).dump(config)
        arguments = ["train.py", str(config), "--work-dir", str(job.work_dir), "--resume"]
    else:
        single = job.reference.folder / DRAWN if job.reference else None
        job.sweep_config(name, checkpoints, single).dump(config)
        folder = job.folder / name
        out = ["--out", str(folder), "--work-dir", str(folder / "logs")]
        arguments = ["sweep.py", str(config), _checkpoint(job), *out]
    return Step(job, name, (sys.executable, str(tools / arguments[0]), *arguments[1:]))


def finish_step(step: Step) -> None:
    """Writes down that a step is done.

    Raises:
        FileNotFoundError: If it has not left what it should.
    """
    job, record = step.job, read_record(step.job.folder)
    if step.name != TRAIN:
        result = job.tree_file if step.name == TREE else job.folder / step.name / "summary.json"
        if not result.is_file():
            raise FileNotFoundError(f"'{result.parent}' has no {result.name}")
        write_record(job.folder, record.finished(step.name))
        return
    last = job.work_dir / "last_checkpoint"
    if not last.is_file():
        raise FileNotFoundError(f"'{job.work_dir}' has no last_checkpoint")
    checkpoint = Path(last.read_text(encoding="utf-8").strip()).name
    seconds = training_seconds(read_logs(job.work_dir))
    write_record(job.folder, record.finished(TRAIN, checkpoint=checkpoint, train_seconds=seconds))


def _tree_arguments(job: Job, config: Path) -> list[str]:
    """Asks a controller for its best tree of another net's cost; the controller's config is written."""
    assert job.controller is not None
    assert job.run.flops_of is not None
    asked = job.controller.train_config(_checkpoints(job.controller))
    # For equal tasks, whatever the config tests.
    asked.merge_from_dict({"pref": None, "cost_weight": 0.0})
    asked.dump(config)
    budget = ["--budget", f"flops={_flops(job.needs[job.run.flops_of]):.0f}"]
    return ["tree.py", str(config), _checkpoint(job.controller), *budget, "--out", str(job.tree_file)]


def _flops(job: Job) -> float:
    """Of a static net."""
    found = {line["flops"] for line in job.sweep_lines(DRAWN) if line["kind"] == "run"}
    if len(found) != 1:
        raise ValueError(f"flops_of: {job.name} is no static net, its preferences cost {len(found)} numbers of FLOPs")
    return found.pop()


def _checkpoints(job: Job) -> dict[str, str]:
    return {name: _checkpoint(needed) for name, needed in job.needs.items()}


def _checkpoint(job: Job) -> str:
    if not job.run.trains:
        assert job.start is not None
        return _checkpoint(job.start)
    return str(job.work_dir / str(read_record(job.folder).checkpoint))
