"""What a training's log tells: where it is, and how long it took."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

__all__ = ["TrainingState", "read_logs", "training_seconds", "training_state"]

_TIME = re.compile(r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) - ")
_STAGE = re.compile(r"stage (\S+): iterations (\d+) to (\d+)\s*$")
_ITERATION = re.compile(r"Iter\(train\)\s+\[\s*(\d+)/(\d+)\].*?eta: ((?:\d+ days?, )?\d+:\d\d:\d\d)")
_RESUMED = re.compile(r"resumed epoch: \d+, iter: (\d+)")
_SAVED = re.compile(r"Saving checkpoint at (\d+) iterations")


@dataclass(frozen=True)
class TrainingState:
    """Where a training is.

    Attributes:
        stage: Its name; '' before the first.
        iteration: Of the whole run.
        iterations: Of the whole run; 0 before the log tells them.
        left: Time until the stage's end, as the log writes it; '' before the log tells it.
    """

    stage: str = ""
    iteration: int = 0
    iterations: int = 0
    left: str = ""

    def __str__(self) -> str:
        """One line."""
        if not self.stage:
            return "starting"
        if not self.iterations:
            return f"stage {self.stage}, being prepared"
        left = f", {self.left} left of the stage" if self.left else ", being prepared"
        return f"stage {self.stage}, iteration {self.iteration} of {self.iterations}{left}"


def read_logs(work_dir: Path) -> list[str]:
    """The texts of a work folder's logs, one for every start, oldest first."""
    return [path.read_text(encoding="utf-8", errors="replace") for path in sorted(work_dir.glob("*/*.log"))]


def training_state(log: str) -> TrainingState:
    """Where a training is.

    Args:
        log: Text of its newest log.
    """
    state = TrainingState()
    for line in log.splitlines():
        if found := _STAGE.search(line):
            state = TrainingState(found[1], state.iteration, state.iterations)
        elif found := _ITERATION.search(line):
            state = TrainingState(state.stage, int(found[1]), int(found[2]), found[3])
    return state


def training_seconds(logs: Sequence[str]) -> float | None:
    """How long a training took: from the first stage's beginning to its last iteration, its preparations included.

    Of an interrupted training, iterations that were done twice count once: a start counts up to the iteration with
    which the next one begins, so far as its log has it.

    Args:
        logs: Texts of the logs, one for every start, oldest first.

    Returns:
        Seconds; None if no log has two times.
    """
    starts = [part for log in logs if len(part := list(_events(log.splitlines()))) > 1]
    if not starts:
        return None
    limits = [start[0][1] for start in starts[1:]]
    total = 0.0
    for start, limit in zip(starts, [*limits, None], strict=True):
        counted = [time for time, iteration in start if limit is None or iteration <= limit]
        total += (counted[-1] - counted[0]).total_seconds() if counted else 0.0
    return total


def _events(lines: Iterable[str]) -> Iterator[tuple[datetime, int]]:
    """Times with the iterations of the whole run that are done, from the beginning of the first stage on."""
    begun, done = False, 0
    for line in lines:
        time = _TIME.search(line)
        iteration = _RESUMED.search(line) or _ITERATION.search(line) or _SAVED.search(line)
        if iteration:
            done = int(iteration[1])
        begins = not begun and _STAGE.search(line) is not None
        if time and (begins or (begun and iteration)):
            begun = True
            yield datetime.strptime(time[1], "%Y/%m/%d %H:%M:%S"), done
