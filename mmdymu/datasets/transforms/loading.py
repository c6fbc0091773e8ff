"""Read the label maps of one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmdymu.registry import TRANSFORMS

from ..coco import CocoLabel
from ..decoding import ignored_map
from ..loading import apply_mask, label_name, read_label, read_mask, resized_nearest, size_mismatch
from ..task_spec import TaskSpec


@TRANSFORMS.register_module()
class LoadMultiTaskAnnotations(BaseTransform):
    """Read and decode label files; comes after ``LoadImageFromFile``.

    Placed before the resizing, labels are transformed with the image; placed after it, they keep their full
    size, as a test needs it.

    Required keys: ``task_specs``, ``label_paths``, ``ori_shape``; optional: ``mask_paths``.

    Added keys: ``gt_<task>`` (label (H, W) uint8, 255 = ignore; depth (H, W) float32, metres, 0 = invalid;
    normals (H, W, 3) float32, unit vectors or (0, 0, 0)), ``has_label`` (task to bool); ``seg_fields`` names
    the ``gt_`` keys.

    Args:
        tasks: Load only these tasks; None: all of the data set.
        backend_args: Options of mmengine's file backend.
    """

    def __init__(self, tasks: Sequence[str] | None = None, backend_args: dict[str, Any] | None = None) -> None:
        self.tasks = None if tasks is None else tuple(tasks)
        self.backend_args = backend_args

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the label maps.

        Raises:
            ValueError: A file cannot be decoded, holds values outside the classes, or differs in size from
                the image.
            KeyError: The data set has no such task.
        """
        specs: dict[str, TaskSpec] = results["task_specs"]
        has_label = results.setdefault("has_label", {})
        for task in specs if self.tasks is None else self.tasks:
            if task not in specs:
                raise KeyError(f"LoadMultiTaskAnnotations: the data set has no task '{task}', only {list(specs)}")
            label = self._load(results["label_paths"][task], specs[task], results)
            mask = results.get("mask_paths", {}).get(task)
            if mask is not None:
                self._apply(mask, label, specs[task], results)
            has_label[task] = results["label_paths"][task] is not None
            results[f"gt_{task}"] = label
            results["seg_fields"].append(f"gt_{task}")
        return results

    def _load(self, label: str | CocoLabel | None, spec: TaskSpec, results: dict[str, Any]) -> np.ndarray:
        if label is None:
            return ignored_map(spec, results["ori_shape"][:2])
        array = read_label(label, spec, self.backend_args)
        return _fitted(array, label_name(label, spec), results, resize=spec.resize)

    def _apply(self, path: str, label: np.ndarray, spec: TaskSpec, results: dict[str, Any]) -> None:
        assert spec.mask is not None
        mask = read_mask(path, spec.mask, spec.name, self.backend_args)
        mask = _fitted(mask, f"mask file '{path}' of task '{spec.name}'", results, resize=spec.resize)
        apply_mask(mask, label, spec)

    def __repr__(self) -> str:
        """Name and tasks."""
        return f"{type(self).__name__}(tasks={self.tasks})"


def _fitted(array: np.ndarray, where: str, results: dict[str, Any], *, resize: bool) -> np.ndarray:
    """The array, at the size of the image."""
    height, width = results["ori_shape"][:2]
    if array.shape[:2] == (height, width):
        return array
    if resize:
        return resized_nearest(array, (height, width))
    raise size_mismatch(array, where, results.get("img_path"), (height, width))
