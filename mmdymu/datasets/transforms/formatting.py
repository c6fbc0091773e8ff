"""From numpy arrays to what the model takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement, PixelData
from mmpretrain.structures import DataSample, MultiTaskDataSample
from mmseg.structures import SegDataSample

from mmdymu.registry import TRANSFORMS

META_KEYS = (
    "img_path",
    "sample_idx",
    "ori_shape",
    "img_shape",
    "pad_shape",
    "scale_factor",
    "flip",
    "flip_direction",
)


@TRANSFORMS.register_module()
class PackMultiTaskInputs(BaseTransform):
    """Pack image and labels.

    The result holds ``inputs``, (3, H, W) uint8 in the image's channel order, and ``data_samples``, a
    ``MultiTaskDataSample`` with one ``SegDataSample`` for each task: labels in ``gt_sem_seg`` (1, H, W)
    int64, depth in ``gt_depth_map`` (1, H, W) float32, normals in ``gt_normals`` (3, H, W) float32. A task of
    kind 'class' has one of mmpretrain's ``DataSample`` instead, its label in ``gt_label`` (1,) int64. Metainfo
    stands on the outer and on each inner sample; inner ones also say ``has_label``. Tasks that were not
    loaded get a sample without labels; tasks that are not in ``task_kinds`` get none.

    Args:
        meta_keys: Keys of ``results`` that become metainfo, where present.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack ``img`` and the ``gt_<task>`` maps."""
        meta = {key: results[key] for key in self.meta_keys if key in results}
        sample = MultiTaskDataSample(metainfo=meta)
        for task, kind in results.get("task_kinds", {}).items():
            sample.set_field(_task_sample(results, task, kind, meta), task)
        image = np.ascontiguousarray(results["img"].transpose(2, 0, 1))
        return {"inputs": torch.from_numpy(image), "data_samples": sample}

    def __repr__(self) -> str:
        """Name and metainfo keys."""
        return f"{type(self).__name__}(meta_keys={self.meta_keys})"


def _task_sample(results: dict[str, Any], task: str, kind: str, meta: dict[str, Any]) -> BaseDataElement:
    if kind == "class":
        return _class_sample(results.get("class_labels", {}).get(task), meta)
    label = results.get(f"gt_{task}")
    has_label = label is not None and results.get("has_label", {}).get(task, True)
    sample = SegDataSample(metainfo={**meta, "has_label": has_label})
    if label is None:
        return sample
    if kind == "label":
        sample.gt_sem_seg = PixelData(data=torch.from_numpy(label.astype(np.int64)[None]))
    elif kind == "depth":
        depth = np.ascontiguousarray(label, np.float32)
        sample.set_data({"gt_depth_map": PixelData(data=torch.from_numpy(depth[None]))})
    else:
        normals = np.ascontiguousarray(label.transpose(2, 0, 1), np.float32)
        sample.set_data({"gt_normals": PixelData(data=torch.from_numpy(normals))})
    return sample


def _class_sample(label: int | None, meta: dict[str, Any]) -> DataSample:
    sample = DataSample(metainfo={**meta, "has_label": label is not None})
    return sample if label is None else sample.set_gt_label(label)
