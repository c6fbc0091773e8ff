"""What a data set says about a task."""

from __future__ import annotations

from typing import Any

import pytest

from mmdymu.task_meta import task_meta


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
