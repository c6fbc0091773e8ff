"""Random zoom: scale augmentation that knows what depth is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmseg.datasets.transforms import Resize

from mmdymu.registry import TRANSFORMS

from ..decoding import unit_vectors


@TRANSFORMS.register_module()
class MultiTaskRandomResize(Resize):
    """Resize by a random ratio and, by choice, keep the camera.

    Two things are told apart. *Resolution*: bringing a frame to ``base_scale`` changes no label value; a
    plain ``mmseg.Resize`` does only this. *Zoom*: the random ratio on top of it. A frame enlarged by
    ``ratio`` and then cropped looks like one taken with a longer lens; to a network that assumes one camera
    it shows a scene that is nearer, so depth is divided by ``ratio``. Exactly, (X, Y, Z) then becomes (X, Y,
    Z / ratio), which also turns slanted surfaces: the normal becomes (x, y, ratio · z), normalised. Published
    pipelines leave normals as they are, and so does the default.

    Images are interpolated, labels take the nearest pixel.

    Args:
        base_scale: (width, height) that the image just covers at ratio 1, aspect kept; None: its own size.
        ratio_range: (lowest, highest) ratio, drawn uniformly.
        ratios: Draw from these instead.
        rescale_depth: Divide depth by the ratio.
        rescale_normals: Turn normals as described.
        interpolation: Of the image: 'bilinear', 'nearest', 'area', 'bicubic' or 'lanczos'.

    Raises:
        ValueError: Neither or both of ``ratio_range`` and ``ratios`` are given, or a ratio is not positive.
    """

    def __init__(
        self,
        base_scale: tuple[int, int] | None = None,
        ratio_range: tuple[float, float] | None = None,
        ratios: Sequence[float] | None = None,
        rescale_depth: bool = True,
        rescale_normals: bool = False,
        interpolation: str = "bilinear",
    ) -> None:
        super().__init__(scale_factor=1.0, interpolation=interpolation)
        if (ratio_range is None) == (ratios is None):
            raise ValueError(f"give either ratio_range or ratios, got ratio_range={ratio_range!r}, ratios={ratios!r}")
        chosen = ratio_range if ratios is None else ratios
        if not chosen or min(chosen) <= 0 or (ratio_range is not None and len(ratio_range) != 2):
            raise ValueError(f"ratio_range (two numbers) or ratios must be positive, got {chosen!r}")
        self.base_scale = base_scale
        self.ratio_range = ratio_range
        self.ratios = None if ratios is None else tuple(ratios)
        self.rescale_depth = rescale_depth
        self.rescale_normals = rescale_normals

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize image and labels by one random ratio."""
        ratio = self._draw_ratio()
        height, width = results["img"].shape[:2]
        factor = ratio * self._to_base(width, height)
        results["scale"] = (max(round(width * factor), 1), max(round(height * factor), 1))
        self._resize_img(results)
        self._resize_seg(results)
        self._rescale_values(results, ratio)
        return results

    def _draw_ratio(self) -> float:
        if self.ratios is not None:
            return float(self.ratios[np.random.randint(len(self.ratios))])
        assert self.ratio_range is not None
        return float(np.random.uniform(*self.ratio_range))

    def _to_base(self, width: int, height: int) -> float:
        if self.base_scale is None:
            return 1.0
        return max(self.base_scale[0] / width, self.base_scale[1] / height)

    def _rescale_values(self, results: dict[str, Any], ratio: float) -> None:
        for task, kind in results.get("task_kinds", {}).items():
            key = f"gt_{task}"
            if key not in results:
                continue
            if kind == "depth" and self.rescale_depth:
                results[key] = results[key] / np.float32(ratio)
            elif kind == "normals" and self.rescale_normals:
                results[key] = unit_vectors(results[key] * np.array([1, 1, ratio], np.float32))

    def __repr__(self) -> str:
        """Name and arguments."""
        return (
            f"{type(self).__name__}(base_scale={self.base_scale}, ratio_range={self.ratio_range}, "
            f"ratios={self.ratios}, rescale_depth={self.rescale_depth}, "
            f"rescale_normals={self.rescale_normals})"
        )
