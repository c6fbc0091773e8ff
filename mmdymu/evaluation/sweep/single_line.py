"""The single-task nets that another sweep has measured."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .sweep_file import FORMAT

__all__ = ["SAME_DATA", "SingleLine", "read_single_line"]

SAME_DATA = ("tasks", "images", "image_size", "data_sha256", "metrics_sha256")
"""Entries of two headers that must be equal for losses and metrics to be comparable."""


@dataclass(frozen=True)
class SingleLine:
    """The line of the single-task nets in a sweep's file.

    Attributes:
        path: The file.
        line: As it stands there.
    """

    path: Path
    line: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """What tells this line from another."""
        return hashlib.sha256(json.dumps(self.line, sort_keys=True).encode()).hexdigest()

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics by ``task/metric``; NaN where not known."""
        return {name: math.nan if value is None else value for name, value in self.line["metrics"].items()}


def read_single_line(path: str | Path, header: Mapping[str, Any]) -> SingleLine:
    """Reads the single-task nets' line of another sweep.

    Args:
        path: The sweep's folder, or its sweep.jsonl; it need not be finished.
        header: Of the sweep that will use the line, ready for JSON; both must be about the same tasks, images and
            metrics.

    Returns:
        The line.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no sweep's file, has not measured the single-task nets, or is about other data.
    """
    file = Path(path)
    file = file / "sweep.jsonl" if file.is_dir() else file
    if not file.is_file():
        raise FileNotFoundError(f"sweep.single={str(path)!r}: {file} does not exist, sweep the single-task nets first")
    lines = [_parsed(line) for line in file.read_text(encoding="utf-8").splitlines()]
    if not lines or lines[0].get("kind") != "header" or lines[0].get("format") != FORMAT:
        raise ValueError(f"sweep.single={str(path)!r}: {file} does not begin with the header of a sweep")
    _check_same_data(file, lines[0], header)
    found = next((line for line in lines if line.get("kind") == "single"), None)
    if found is None:
        raise ValueError(f"sweep.single={str(path)!r}: {file} has no line of single-task nets yet, finish that sweep")
    return SingleLine(file, found)


def _parsed(line: str) -> Mapping[str, Any]:
    """A line's object; empty where it is none, such as a last line that was cut off."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}


def _check_same_data(file: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    other = [name for name in SAME_DATA if found.get(name) != wanted[name]]
    if other:
        differences = "; ".join(f"{name} {found.get(name)!r}, here {wanted[name]!r}" for name in other)
        raise ValueError(
            f"sweep.single: the single-task nets of {file} were measured on other data ({differences}): sweep them on "
            "this config's test images with its test_evaluator, or leave sweep.single out"
        )
