from __future__ import annotations

import numpy as np
import torch
from mmseg.structures import SegDataSample
from test_datasets.plane import plane_results

from mmdymu.datasets import PackMultiTaskInputs


def test_shapes_types_and_values() -> None:
    results = plane_results()
    packed = PackMultiTaskInputs()({**plane_results(), "img_path": "a.png"})
    assert packed["inputs"].shape == (3, 32, 48) and packed["inputs"].dtype == torch.uint8
    samples = packed["data_samples"]
    assert set(samples.tasks) == {"semseg", "depth", "normals"}
    labels = samples.get("semseg").gt_sem_seg.data
    depth = samples.get("depth").gt_depth_map.data
    normals = samples.get("normals").gt_normals.data
    assert (labels.dtype, depth.dtype, normals.dtype) == (torch.int64, torch.float32, torch.float32)
    assert (labels[0].numpy() == results["gt_semseg"]).all()
    assert (depth[0].numpy() == results["gt_depth"]).all()
    assert (normals.permute(1, 2, 0).numpy() == results["gt_normals"]).all()


def test_metainfo_is_on_both_levels() -> None:
    results = {
        **plane_results(),
        "img_path": "a.png",
        "has_label": {"depth": False, "semseg": True},
        "other": 1,
    }
    samples = PackMultiTaskInputs()(results)["data_samples"]
    for sample in (samples, *(samples.get(task) for task in results["task_kinds"])):
        assert sample.img_path == "a.png" and tuple(sample.ori_shape) == (32, 48)
        assert "other" not in sample
    assert [samples.get(task).has_label for task in ("depth", "semseg", "normals")] == [False, True, True]
    assert isinstance(samples.get("depth"), SegDataSample)


def test_views_are_copied_into_plain_memory() -> None:
    results = plane_results()
    for key in ("img", *results["seg_fields"]):
        results[key] = results[key][:, ::-1]
    packed = PackMultiTaskInputs()(results)
    assert packed["inputs"][0, 0].tolist() == list(range(48))[::-1]


def test_tasks_without_loaded_labels() -> None:
    samples = PackMultiTaskInputs()({"img": np.zeros((4, 4, 3), np.uint8), "task_kinds": {"depth": "depth"}})
    assert samples["data_samples"].get("depth").has_label is False
    assert "gt_depth_map" not in samples["data_samples"].get("depth")
