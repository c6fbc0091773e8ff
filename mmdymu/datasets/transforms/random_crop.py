"""Random crops that one class may not fill."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmseg.datasets.transforms import RandomCrop

from mmdymu.registry import TRANSFORMS

from ..task_spec import IGNORE_LABEL


@TRANSFORMS.register_module()
class MultiTaskRandomCrop(RandomCrop):
    """``mmseg.RandomCrop`` whose limit on the largest class looks at one task's labels.

    Args:
        crop_size: (height, width), or one number for both; smaller images keep their size.
        cat_max_ratio: Largest share of one class among the labelled pixels of a crop; another crop is drawn, up to ten
            times, if it is exceeded. 1: no limit.
        task: Task of kind 'label' that is looked at; needed with a limit.

    Raises:
        ValueError: There is a limit and no task, or the limit is out of range.
    """

    def __init__(self, crop_size: int | tuple[int, int], cat_max_ratio: float = 1.0, task: str | None = None) -> None:
        if not 0 < cat_max_ratio <= 1:
            raise ValueError(f"cat_max_ratio={cat_max_ratio!r} of MultiTaskRandomCrop must lie in (0, 1]")
        if cat_max_ratio < 1 and task is None:
            raise ValueError("cat_max_ratio below 1 needs task: whose classes MultiTaskRandomCrop looks at")
        super().__init__(crop_size=crop_size, cat_max_ratio=cat_max_ratio, ignore_index=IGNORE_LABEL)
        self.task = task

    def crop_bbox(self, results: dict[str, Any]) -> tuple[int, int, int, int]:
        """Rows and columns of the crop.

        Raises:
            KeyError: The labels of the task were not loaded.
        """
        if self.task is None:
            return super().crop_bbox(results)
        if f"gt_{self.task}" not in results:
            raise KeyError(f"MultiTaskRandomCrop looks at task '{self.task}', whose labels are not loaded")
        labels: np.ndarray = results[f"gt_{self.task}"]
        return super().crop_bbox({"img": results["img"], "gt_seg_map": labels})

    def __repr__(self) -> str:
        """Name and arguments."""
        return (
            f"{type(self).__name__}(crop_size={self.crop_size}, cat_max_ratio={self.cat_max_ratio}, task={self.task!r})"
        )
