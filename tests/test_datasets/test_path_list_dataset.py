from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_datasets.dataset_files import LOAD, write_image

from mmdymu.datasets import PathListDataset

COLUMNS = ("img", "semseg", "depth")
TASKS = {"depth": {"kind": "depth", "suffix": ".npy"}, "semseg": {"kind": "label", "classes": ("a", "b")}}


def write(root: Path, rows: Any = None) -> None:
    write_image(root / "x" / "img.png", np.zeros((2, 3, 3), np.uint8))
    write_image(root / "y" / "seg.png", np.ones((2, 3), np.uint8))
    np.save(root / "z.npy", np.full((2, 3), 1.5, np.float32))
    content = {"train": [["x/img.png", "y/seg.png", "z.npy"]] if rows is None else rows}
    (root / "list.json").write_text(json.dumps(content))


def build(root: Path, **changes: Any) -> PathListDataset:
    options = {"columns": COLUMNS, "split": "train", "tasks": TASKS, "ann_file": "list.json", "pipeline": LOAD}
    return PathListDataset(data_root=str(root), **{**options, **changes})


def test_rows_are_read_by_their_columns(tmp_path: Path) -> None:
    write(tmp_path)
    dataset = build(tmp_path)
    item = dataset[0]
    assert dataset.tasks == ("depth", "semseg")
    assert (item["gt_semseg"] == 1).all()
    assert (item["gt_depth"] == 1.5).all()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"columns": ("img", "semseg")}, ValueError, r"columns=\('img', 'semseg'\)"),
        ({"columns": (*COLUMNS, "img")}, ValueError, "once"),
        ({"split": "test"}, ValueError, r"no rows for split='test', it holds \['train'\]"),
        ({"ann_file": "none.json"}, FileNotFoundError, r"none\.json"),
    ],
)
def test_refuses_wrong_settings(tmp_path: Path, changes: dict[str, Any], error: type, message: str) -> None:
    write(tmp_path)
    with pytest.raises(error, match=message):
        build(tmp_path, **changes)


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        (["x/img.png", "y/seg.png"], ValueError, r"row .*seg\.png.* has 2 paths"),
        (["x/img.png", "y/none.png", "z.npy"], FileNotFoundError, r"row .*none\.png' for 'semseg'"),
        (["x/none.png", "y/seg.png", "z.npy"], FileNotFoundError, r"row .*none\.png' for 'img'"),
    ],
)
def test_names_the_row(tmp_path: Path, row: list[str], error: type, message: str) -> None:
    write(tmp_path, [row])
    with pytest.raises(error, match=message):
        build(tmp_path)


def test_a_label_may_be_missing_where_it_is_optional(tmp_path: Path) -> None:
    write(tmp_path, [["x/img.png", "y/none.png", "z.npy"]])
    dataset = build(tmp_path, tasks={**TASKS, "semseg": {**TASKS["semseg"], "optional": True}})
    assert (dataset[0]["gt_semseg"] == 255).all()
    (tmp_path / "list.json").write_text("no json")
    with pytest.raises(ValueError, match="is not JSON"):
        build(tmp_path)
