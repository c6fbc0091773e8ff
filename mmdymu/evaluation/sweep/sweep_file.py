"""The file of a sweep: JSON lines, written as results come, read to go on."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

__all__ = ["SweepFile", "json_ready"]

FORMAT = 1
FREE = ("config", "checkpoint", "version")
"""Entries of the header that may differ when a sweep goes on."""


class SweepFile:
    """Lines of a sweep: a header, then one a result.

    Args:
        path: The file; made with its folder when the first line is written.
        header: What the sweep is about.

    Raises:
        ValueError: If the file belongs to another sweep, or is damaged elsewhere than at its end.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path = path
        self.header = json_ready({"kind": "header", "format": FORMAT, **header})
        self.lines = self._read() if path.exists() else []
        if self.lines:
            self._check_header(self.lines[0])
            self.lines = self.lines[1:]

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Writes lines to the disk, all of them before it returns."""
        new = [json_ready(line) for line in lines]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        begin = [] if self.path.exists() else [self.header]
        with open(self.path, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in [*begin, *new])
            file.flush()
            os.fsync(file.fileno())
        self.lines.extend(new)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The lines of one kind, in the order in which they were written."""
        return [line for line in self.lines if line["kind"] == kind]

    def _read(self) -> list[dict[str, Any]]:
        text = self.path.read_text(encoding="utf-8")
        complete, _, rest = text.rpartition("\n")
        if rest:
            print_log(f"{self.path}: the last line was cut off, it is dropped", "current", logging.WARNING)
            _replace(self.path, complete + "\n" if complete else "")
        lines = []
        for number, line in enumerate(complete.splitlines(), start=1):
            try:
                entry = json.loads(line)
                entry["kind"]
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(
                    f"{self.path}, line {number} is no line of a sweep: remove the file, or choose another folder"
                ) from error
            lines.append(entry)
        return lines

    def _check_header(self, found: Mapping[str, Any]) -> None:
        names = [name for name in self.header if name not in FREE]
        other = [name for name in names if found.get(name) != self.header[name]]
        if other:
            differences = "; ".join(f"{name} {found.get(name)!r}, now {self.header[name]!r}" for name in other)
            raise ValueError(
                f"{self.path} belongs to another sweep, which cannot go on here ({differences}): "
                "choose another folder, or remove the file"
            )


def json_ready(value: Any) -> Any:
    """The value with lists for tuples and None for NaN and infinities, which JSON does not know."""
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".tmp")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
