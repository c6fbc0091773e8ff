"""What a job's folder holds: what was asked, and what is done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mmdymu.whole_file import whole_file

__all__ = ["JobRecord", "read_record", "write_record"]

FILE = "job.json"


@dataclass(frozen=True)
class JobRecord:
    """What a job's folder holds.

    Attributes:
        digests: What was asked, by step (``train``, and every sweep).
        done: Steps that are finished.
        checkpoint: File name in the work folder of the finished training.
        train_seconds: Of this training alone, as its logs tell; None where they do not.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    done: tuple[str, ...] = ()
    checkpoint: str | None = None
    train_seconds: float | None = None

    def finished(self, step: str, **changes: Any) -> JobRecord:
        """The record with one more step done."""
        return replace(self, done=(*self.done, step), **changes)

    def changed(self, digests: Mapping[str, str]) -> list[str]:
        """Steps that the folder holds, or has begun, under another request."""
        return [step for step, digest in digests.items() if self.digests.get(step, digest) != digest]


def read_record(folder: Path) -> JobRecord:
    """The record of a job's folder; an empty one where there is none.

    Raises:
        ValueError: If the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return JobRecord()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return JobRecord(**{**data, "done": tuple(data["done"])})
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} is no record of a job ({error}): remove it, and the job begins anew, but for the training's "
            "last checkpoint"
        ) from error


def write_record(folder: Path, record: JobRecord) -> None:
    """Writes the record such that it is never seen half-written."""
    with whole_file(folder / FILE) as path:
        path.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
