from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdymu.evaluation.sweep import SweepFile, json_ready

HEADER = {"config": "a.py", "tasks": ("semseg", "depth"), "seed": 0}


def make(path: Path, **changes: object) -> SweepFile:
    return SweepFile(path / "out" / "sweep.jsonl", {**HEADER, **changes})


def bracket(index: int) -> dict[str, object]:
    return {"kind": "bracket", "index": index, "losses": [1.0]}


def run(index: int) -> dict[str, object]:
    return {"kind": "run", "index": index, "losses": [1.0, math.nan]}


def test_lines_come_back(tmp_path: Path) -> None:
    file = make(tmp_path)
    file.append([{"kind": "single"}, bracket(0), run(0)])
    file.append([bracket(1), run(1)])
    again = make(tmp_path, config="elsewhere/a.py")
    assert again.lines == file.lines
    assert [line["index"] for line in again.of_kind("run")] == [0, 1]
    assert again.of_kind("run")[0]["losses"] == [1.0, None]
    assert json.loads(file.path.read_text().splitlines()[0])["tasks"] == ["semseg", "depth"]


def test_the_header_is_there_at_once(tmp_path: Path) -> None:
    file = make(tmp_path)
    assert json.loads(file.path.read_text())["kind"] == "header"
    with pytest.raises(ValueError, match="belongs to another sweep"):
        make(tmp_path, seed=1)


@pytest.mark.parametrize("cut", [1, 20])
def test_an_unfinished_end_is_dropped(tmp_path: Path, cut: int) -> None:
    file = make(tmp_path)
    file.append([{"kind": "single"}, bracket(0), run(0), bracket(1), run(1)])
    text = file.path.read_text()
    file.path.write_text(text[:-cut])
    again = make(tmp_path)
    assert [line["kind"] for line in again.lines] == ["single", "bracket", "run"]
    again.append([bracket(1), run(1)])
    assert file.path.read_text() == text


def test_a_file_cut_in_its_header_begins_anew(tmp_path: Path) -> None:
    file = make(tmp_path)
    file.path.write_text(file.path.read_text()[:10])
    assert make(tmp_path).lines == []
    assert json.loads(file.path.read_text())["kind"] == "header"


def test_another_sweep_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = make(tmp_path)
    file.append([run(0)])
    before = file.path.read_text()
    message = r"sweep\.jsonl belongs to another sweep, .*\(seed 0, now 1; oracle_images None, now 4\): choose another"
    with pytest.raises(ValueError, match=message):
        make(tmp_path, seed=1, oracle_images=4)
    assert file.path.read_text() == before


@pytest.mark.parametrize("line", ["{", "[1]", '{"kind": "else"}', '{"kind": "header"}', "5"])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    file = make(tmp_path)
    file.append([run(0)])
    lines = file.path.read_text().splitlines()
    file.path.write_text("\n".join([lines[0], line, lines[1], ""]))
    with pytest.raises(ValueError, match=r"sweep\.jsonl, line 2 does not belong into a sweep's file"):
        make(tmp_path)


def test_another_sweep_can_be_replaced(tmp_path: Path) -> None:
    make(tmp_path).append([run(0)])
    assert SweepFile(tmp_path / "out" / "sweep.jsonl", {**HEADER, "seed": 1}, replace=True).lines == []
    assert make(tmp_path, seed=1).lines == []


def test_numbers_of_arrays_are_written() -> None:
    assert json_ready({"a": np.float32(1.5), "b": torch.tensor([1, 2]), "c": np.float64("nan")}) == {
        "a": 1.5,
        "b": [1, 2],
        "c": None,
    }
    with pytest.raises(TypeError, match=r"is a object, results must be numbers"):
        json_ready({"a": object()})


def test_json_has_no_nan() -> None:
    value = {"a": (1.5, math.nan), 2: [math.inf, "x", None, True]}
    assert json_ready(value) == {"a": [1.5, None], "2": [None, "x", None, True]}
