"""Runs jobs in processes of their own, as many at a time as there are workers."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from .jobs import TRAIN, Job
from .steps import Step, begin_job, finish_step, next_step
from .training_log import TrainingState, read_logs, training_state

__all__ = ["Failure", "JobRunner"]

LOCK = "job.lock"
"""File of a job's folder that the runner holds."""
PAUSE = 0.2
"""Seconds between two looks at the processes."""


@dataclass(frozen=True)
class Failure:
    """A job that is not done: what happened, and where it can be read."""

    job: Job
    reason: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.job.name}: {self.reason}"


@dataclass
class _Process:
    """A step that runs."""

    step: Step
    process: subprocess.Popen[bytes]
    output: IO[bytes]


class JobRunner:
    """Runs jobs, each behind those that it needs; goes on when one fails, without those that need it.

    Args:
        tools: Folder of train.py, sweep.py and tree.py.
        workers: Environment variables of every worker, such as its ``CUDA_VISIBLE_DEVICES``.
        say: Takes a progress line.
        interval: Seconds between progress lines of what runs.
        redo: Whether results of another request are removed.
    """

    def __init__(
        self,
        tools: Path,
        workers: Sequence[Mapping[str, str]],
        say: Callable[[str], None],
        interval: float = 60.0,
        redo: bool = False,
    ) -> None:
        self.tools, self.workers, self.say = tools, workers, say
        self.interval, self.redo = interval, redo
        self._running: dict[int, _Process] = {}
        self._finished: set[Path] = set()
        self._failures: dict[Path, Failure] = {}
        self._own: set[Path] = set()
        self._locks: dict[Path, FileLock] = {}

    def run(self, jobs: Sequence[Job]) -> list[Failure]:
        """Runs all that is not done.

        Args:
            jobs: Each behind those that it needs.

        Returns:
            Jobs that are not done, in order.

        Raises:
            ValueError: If a job that another needs is not among them.
        """
        waiting = list(jobs)
        self._own = {job.folder for job in jobs}
        absent = {need.name for job in jobs for need in job.needs.values() if need.folder not in self._own}
        if absent:
            raise ValueError(f"jobs that others need are not among those that are run: {sorted(absent)}")
        last = time.monotonic()
        try:
            while waiting or self._running:
                self._collect()
                self._start(waiting)
                if time.monotonic() - last >= self.interval:
                    last = time.monotonic()
                    self._tell()
                if self._running:
                    time.sleep(PAUSE)
        finally:
            self._stop()
        return [self._failures[job.folder] for job in jobs if job.folder in self._failures]

    def _start(self, waiting: list[Job]) -> None:
        """Gives every idle worker a job that can begin."""
        for job in list(waiting):
            failed = [need for need in job.needs.values() if need.folder in self._failures]
            if failed:
                waiting.remove(job)
                self._fail(job, f"not run, it needs {failed[0].name}, which is not done")
        for worker in range(len(self.workers)):
            while worker not in self._running:
                able = [job for job in waiting if self._can_begin(job)]
                if not able:
                    return
                waiting.remove(able[0])
                if self._lock(able[0]):
                    begin_job(able[0], self.redo)
                    self._go_on(worker, able[0])

    def _lock(self, job: Job) -> bool:
        """Takes a job's folder for this runner alone; says whether it could."""
        job.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(job.folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self._fail(job, "another benchmark runs it at this moment")
            return False
        self._locks[job.folder] = lock
        return True

    def _can_begin(self, job: Job) -> bool:
        return {need.folder for need in job.needs.values()} <= self._finished

    def _go_on(self, worker: int, job: Job) -> None:
        """Starts a job's next step, if there is one."""
        try:
            step = next_step(job, self.tools)
        except Exception as error:
            # A wrong option of one config must not end the others.
            self._fail(job, f"{type(error).__name__}: {error}")
            return
        if step is None:
            self._finished.add(job.folder)
            self._locks.pop(job.folder).release()
            self._say(job, "done")
            return
        self._say(job, "training" if step.name == TRAIN else step.name)
        output = step.log.open("ab")
        environment = {**os.environ, **self.workers[worker]}
        process = subprocess.Popen(
            step.command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        self._running[worker] = _Process(step, process, output)

    def _collect(self) -> None:
        """Looks which processes have ended."""
        for worker, running in list(self._running.items()):
            status = running.process.poll()
            if status is None:
                continue
            del self._running[worker]
            running.output.close()
            step = running.step
            if status:
                _kill_group(running.process.pid)
                self._fail(step.job, f"{step.name} ended with exit status {status}{_last_words(step)}, see {step.log}")
                continue
            try:
                finish_step(step)
            except FileNotFoundError as error:
                self._fail(step.job, f"{step.name}: {error}, see {step.log}")
                continue
            self._go_on(worker, step.job)

    def _fail(self, job: Job, reason: str) -> None:
        self._failures[job.folder] = Failure(job, reason)
        if job.folder in self._locks:
            self._locks.pop(job.folder).release()
        self._say(job, f"FAILED: {reason}")

    def _tell(self) -> None:
        """One line for everything that runs."""
        for running in self._running.values():
            job, step = running.step.job, running.step
            self._say(job, str(_training(job)) if step.name == TRAIN else _last_progress(step))

    def _say(self, job: Job, what: str) -> None:
        self.say(f"[{len(self._finished & self._own)}/{len(self._own)}] {job.name}: {what}")

    def _stop(self) -> None:
        """Ends what still runs."""
        for running in self._running.values():
            running.process.terminate()
        for running in self._running.values():
            running.process.wait()
            _kill_group(running.process.pid)
            running.output.close()
        self._running.clear()
        for lock in self._locks.values():
            lock.release()
        self._locks.clear()


def _kill_group(pid: int) -> None:
    """Ends what a process has left: workers of a data loader can wait for ever on a pipe of their dead parent."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _training(job: Job) -> TrainingState:
    logs = read_logs(job.work_dir)
    return training_state(logs[-1]) if logs else TrainingState()


def _log_lines(step: Step) -> list[str]:
    return step.log.read_text(encoding="utf-8", errors="replace").splitlines()


def _last_words(step: Step) -> str:
    """The error that a step's log ends with, as the tools write it; '' if it ends otherwise."""
    last = next((line for line in reversed(_log_lines(step)) if line.strip()), "")
    return f" ({last.strip()})" if last.startswith("error: ") else ""


def _last_progress(step: Step) -> str:
    """The last line of a step's log that tells how far it is."""
    told = [line.rpartition(" - ")[2] for line in _log_lines(step) if " s left" in line]
    return f"{step.name}, {told[-1].removeprefix('sweep, ')}" if told else step.name
