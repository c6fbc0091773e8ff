"""Labels that say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmdymu.registry import TRANSFORMS

from ..task_spec import IGNORE_LABEL


@TRANSFORMS.register_module()
class IgnoreEmptyLabels(BaseTransform):
    """Ignore the whole map of a task where only background is left.

    For human parts on PASCAL-Context: an image, or a crop, without a person teaches nothing about parts. So
    it comes after cropping. Source: the public BMTAS and InvPT pipelines.

    Args:
        tasks: Tasks of kind 'label' whose class 0 is background.
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        self.tasks = tuple(tasks)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace maps that hold nothing but 0 and 255."""
        for task in self.tasks:
            labels = results.get(f"gt_{task}")
            if labels is not None and not ((labels != 0) & (labels != IGNORE_LABEL)).any():
                results[f"gt_{task}"] = np.full_like(labels, IGNORE_LABEL)
        return results

    def __repr__(self) -> str:
        """Name and tasks."""
        return f"{type(self).__name__}(tasks={self.tasks})"
