from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from mmdymu.evaluation.sweep import read_single_line

HEADER = {
    "kind": "header",
    "format": 1,
    "tasks": ["a", "b"],
    "images": 5,
    "image_size": [4, 6],
    "data_sha256": "d",
    "metrics_sha256": "m",
}
SINGLE = {"kind": "single", "losses": [0.5, 2.0], "metrics": {"a/x": 1.5, "b/y": None}, "flops": 7}


def write(folder: Path, *lines: dict[str, Any] | str) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / "sweep.jsonl").write_text("\n".join(texts) + "\n")
    return folder


def test_folder_and_file_give_the_same_line(tmp_path: Path) -> None:
    folder = write(tmp_path, HEADER, SINGLE, '{"kind": "ru')
    found = read_single_line(folder, HEADER)
    assert found.line == SINGLE
    assert found.metrics["a/x"] == 1.5
    assert math.isnan(found.metrics["b/y"])
    assert read_single_line(str(folder / "sweep.jsonl"), HEADER) == found


def test_another_line_has_another_digest(tmp_path: Path) -> None:
    first = read_single_line(write(tmp_path, HEADER, SINGLE), HEADER).sha256
    assert read_single_line(write(tmp_path, HEADER, SINGLE), HEADER).sha256 == first
    assert read_single_line(write(tmp_path, HEADER, {**SINGLE, "losses": [0.5, 2.1]}), HEADER).sha256 != first


@pytest.mark.parametrize(
    ("name", "value"),
    [("tasks", ["b", "a"]), ("images", 6), ("image_size", [4, 7]), ("data_sha256", "e"), ("metrics_sha256", None)],
)
def test_every_difference_of_the_data_is_named(tmp_path: Path, name: str, value: Any) -> None:
    folder = write(tmp_path, {**HEADER, name: value}, SINGLE)
    with pytest.raises(ValueError, match=f"were measured on other data \\({name} ") as caught:
        read_single_line(folder, HEADER)
    assert f"{name} {value!r}, here {HEADER[name]!r})" in str(caught.value)


def test_what_a_single_task_sweep_need_not_have(tmp_path: Path) -> None:
    assert read_single_line(write(tmp_path, {**HEADER, "seed": 3, "fp16": True}, SINGLE), HEADER).line == SINGLE


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([SINGLE], "does not begin with the header"),
        (["no json"], "does not begin with the header"),
        ([{**HEADER, "format": 0}, SINGLE], "does not begin with the header"),
        ([HEADER, {"kind": "run"}], "has no line of single-task nets yet"),
    ],
)
def test_damaged_files(tmp_path: Path, lines: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_single_line(write(tmp_path, *lines), HEADER)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"sweep\.single='.*' ?.*sweep the single-task nets first"):
        read_single_line(tmp_path / "nowhere", HEADER)
    with pytest.raises(FileNotFoundError, match=r"sweep\.jsonl does not exist"):
        read_single_line(tmp_path, HEADER)
