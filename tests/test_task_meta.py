"""What a data set says about a task."""

from __future__ import annotations

from typing import Any

import pytest

from mmdymu.task_meta import class_mismatch, task_meta


@pytest.mark.parametrize(
    "meta",
    [
        {"tasks": {"semseg": {"classes": ("a", "b")}, "depth": {}}},
        {"tasks": ("semseg", "depth"), "classes": {"semseg": ("a", "b")}},
    ],
)
def test_by_task(meta: dict[str, Any]) -> None:
    assert task_meta(meta, "semseg", "classes") == ("a", "b")
    assert task_meta(meta, "depth", "classes") is None
    assert task_meta(meta, "semseg", "palette") is None


def test_single_task_data_set_of_mmseg() -> None:
    assert task_meta({"classes": ("a", "b")}, "semseg", "classes") == ("a", "b")
    assert task_meta(None, "semseg", "classes") is None


META = {"tasks": {"semseg": {"kind": "label", "classes": ("a", "b", "c")}, "depth": {"kind": "depth"}}}


@pytest.mark.parametrize("num_classes", [2, 4])
def test_a_head_of_other_classes_is_told_with_the_remedy(num_classes: int) -> None:
    told = class_mismatch("semseg", {"num_classes": num_classes, "out_channels": num_classes}, META)
    assert f"task 'semseg': the data set has 3 classes, the head num_classes={num_classes}" in told
    assert "set model.heads.semseg.num_classes=3" in told


@pytest.mark.parametrize(
    ("task", "head", "meta"),
    [
        ("semseg", {"num_classes": 3, "out_channels": 3}, META),
        ("semseg", {"type": "DepthHead"}, META),
        ("semseg", {"num_classes": 2, "out_channels": 1}, META),
        ("depth", {"num_classes": 1}, META),
        ("edges", {"num_classes": 1}, META),
        ("semseg", {"num_classes": 2}, {"tasks": ("semseg",), "classes": ("a",)}),
        ("semseg", {"num_classes": 2}, None),
    ],
)
def test_a_head_fits_where_nothing_says_otherwise(task: str, head: dict[str, Any], meta: dict[str, Any] | None) -> None:
    assert class_mismatch(task, head, meta) == ""
