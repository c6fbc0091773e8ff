from __future__ import annotations

from pathlib import Path

import pytest
from test_datasets.dataset_files import write_data_set

from mmdymu.datasets import LoadMultiTaskAnnotations, MultiTaskDataset


def test_labels_loaded_after_resize_keep_their_size(tmp_path: Path) -> None:
    pipeline = [
        {"type": "LoadImageFromFile"},
        {"type": "mmseg.Resize", "scale": (4, 3)},
        {"type": "mmdymu.LoadMultiTaskAnnotations"},
    ]
    item = MultiTaskDataset(**write_data_set(tmp_path), pipeline=pipeline)[0]
    assert item["img"].shape == (3, 4, 3)
    assert item["gt_semseg"].shape == item["gt_depth"].shape == (6, 8)


def test_only_some_tasks(tmp_path: Path) -> None:
    pipeline = [
        {"type": "LoadImageFromFile"},
        {"type": "mmdymu.LoadMultiTaskAnnotations", "tasks": ["depth"]},
    ]
    item = MultiTaskDataset(**write_data_set(tmp_path), pipeline=pipeline)[0]
    assert item["seg_fields"] == ["gt_depth"]
    assert "gt_semseg" not in item


def test_unknown_task(tmp_path: Path) -> None:
    pipeline = [{"type": "LoadImageFromFile"}, {"type": "mmdymu.LoadMultiTaskAnnotations", "tasks": ["flow"]}]
    with pytest.raises(KeyError, match=r"no task 'flow', only .*semseg"):
        MultiTaskDataset(**write_data_set(tmp_path), pipeline=pipeline)[0]


def test_repr() -> None:
    assert "depth" in repr(LoadMultiTaskAnnotations(tasks=["depth"]))
