"""The file of a sweep: JSON lines, written as results come, read to go on."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.logging import print_log

from mmdymu.whole_file import whole_file

from .main_process import on_main_process

__all__ = ["FORMAT", "FREE", "SweepFile", "json_ready"]

FORMAT = 1
FREE = ("config", "checkpoint", "version", "single_from")
"""Entries of the header that may differ when a sweep goes on."""


class SweepFile:
    """Lines of a sweep: a header, then one a result. Every process holds them, the main process writes.

    Args:
        path: The file; its folder is made if need be, and the header written.
        header: What the sweep is about.
        replace: Whether a file that cannot go on is replaced, with a warning.

    Raises:
        ValueError: If the file belongs to another sweep, or is damaged elsewhere than at its end.
        OSError: If the file cannot be read or written.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], replace: bool = False) -> None:
        self.path = path
        self.header = json_ready({"kind": "header", "format": FORMAT, **header})
        self.lines: list[dict[str, Any]] = on_main_process(lambda: self._open(replace))

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Adds lines, which are on the disk before it returns."""
        new = [json_ready(line) for line in lines]
        self.lines.extend(new)
        if is_main_process():
            with open(self.path, "a", encoding="utf-8") as file:
                file.write("".join(map(_text, new)))
                file.flush()
                os.fsync(file.fileno())

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The lines of one kind, in the order in which they were written."""
        return [line for line in self.lines if line["kind"] == kind]

    def _open(self, replace: bool) -> list[dict[str, Any]]:
        """The lines that are there, after the header; writes the header if there are none."""
        try:
            found = self._read() if self.path.exists() else []
            if found:
                self._check_header(found[0])
                return found[1:]
        except ValueError as error:
            if not replace:
                raise
            print_log(f"begun anew: {error}", "current", logging.WARNING)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _replace(self.path, [self.header])
        return []

    def _read(self) -> list[dict[str, Any]]:
        """The lines that a killed sweep has left complete; the file is cut to them."""
        text = self.path.read_text(encoding="utf-8")
        complete, _, cut_off = text.rpartition("\n")
        lines = [self._parsed(number, line) for number, line in enumerate(complete.splitlines(), start=1)]
        # A run's own line comes behind those of the trees that it is compared with.
        finished = max((number for number, line in enumerate(lines, start=1) if line["kind"] != "bracket"), default=0)
        if cut_off or finished < len(lines):
            print_log(f"{self.path}: the end belongs to an unfinished test and is dropped", "current", logging.WARNING)
            _replace(self.path, lines[:finished])
        return lines[:finished]

    def _parsed(self, number: int, text: str) -> dict[str, Any]:
        try:
            line = json.loads(text)
            known = line["kind"] in ("header", "single", "run", "bracket")
        except (ValueError, TypeError, KeyError):
            known = False
        if not known or (line["kind"] == "header") != (number == 1):
            raise ValueError(
                f"{self.path}, line {number} does not belong into a sweep's file: remove the file, or choose another "
                "folder"
            )
        return line

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
    """The value with lists for tuples and arrays, and None for NaN and infinities, which JSON does not know."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is not None and not isinstance(value, str | int | float):
        raise TypeError(f"{value!r} is a {type(value).__name__}, results must be numbers")
    return value


def _text(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def _replace(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    with whole_file(path) as new:
        new.write_text("".join(map(_text, lines)), encoding="utf-8")
