"""Mirroring that turns normals, too."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmseg.datasets.transforms import RandomFlip

from mmdymu.registry import TRANSFORMS

# What a mirror does to (x, y, z) in a camera frame with x right and y up.
_SIGNS = {"horizontal": (-1, 1, 1), "vertical": (1, -1, 1), "diagonal": (-1, -1, 1)}


@TRANSFORMS.register_module()
class MultiTaskRandomFlip(RandomFlip):
    """Mirror image and labels; a horizontal flip negates the normals' x, a vertical one their y.

    Args:
        prob: Probability of a flip.
        direction: 'horizontal', 'vertical' or 'diagonal' (both).
    """

    def __init__(self, prob: float = 0.5, direction: str = "horizontal") -> None:
        if direction not in _SIGNS:
            raise ValueError(f"direction={direction!r} of MultiTaskRandomFlip; allowed are {', '.join(_SIGNS)}")
        if not 0 <= prob <= 1:
            raise ValueError(f"prob={prob!r} of MultiTaskRandomFlip must lie in [0, 1]")
        super().__init__(prob=float(prob), direction=direction)

    def _flip(self, results: dict[str, Any]) -> None:
        super()._flip(results)
        signs = np.array(_SIGNS[results["flip_direction"]], np.float32)
        for task, kind in results.get("task_kinds", {}).items():
            if kind == "normals" and f"gt_{task}" in results:
                results[f"gt_{task}"] = results[f"gt_{task}"] * signs
