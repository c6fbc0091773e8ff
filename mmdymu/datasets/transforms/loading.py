"""Read the label maps of one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio

from mmdymu.registry import TRANSFORMS

from ..decoding import decode, ignored_map, read_array
from ..task_spec import TaskSpec


@TRANSFORMS.register_module()
class LoadMultiTaskAnnotations(BaseTransform):
    """Read and decode label files; comes after ``LoadImageFromFile``.

    Placed before the resizing, labels are transformed with the image; placed after it, they keep their full
    size, as a test needs it.

    Required keys: ``task_specs``, ``label_paths``, ``ori_shape``.

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
            path = results["label_paths"][task]
            has_label[task] = path is not None
            key = f"gt_{task}"
            results[key] = self._load(path, specs[task], results)
            results["seg_fields"].append(key)
        return results

    def _load(self, path: str | None, spec: TaskSpec, results: dict[str, Any]) -> np.ndarray:
        height, width = results["ori_shape"][:2]
        if path is None:
            return ignored_map(spec, (height, width))
        content = fileio.get(path, backend_args=self.backend_args)
        try:
            label = decode(read_array(content, spec.suffix), spec)
        except ValueError as error:
            raise ValueError(f"label file '{path}' of task '{spec.name}': {error}") from error
        if label.shape[:2] != (height, width):
            raise ValueError(
                f"label file '{path}' of task '{spec.name}' is {label.shape[0]}x{label.shape[1]} "
                f"(height x width), but its image '{results.get('img_path')}' is {height}x{width}"
            )
        return label

    def __repr__(self) -> str:
        """Name and tasks."""
        return f"{type(self).__name__}(tasks={self.tasks})"
