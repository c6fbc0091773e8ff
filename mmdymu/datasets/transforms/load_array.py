"""Images that are stored as arrays."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio

from mmdymu.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImageFromArray(BaseTransform):
    """Load an RGB image from an ``.npy`` file, as the MTAN release of NYU-v2 has them.

    Numbers are uint8, or floats in [0, 1] that become bytes. The result is BGR, as ``LoadImageFromFile`` gives it.

    Args:
        backend_args: Options of mmengine's file backend.
    """

    def __init__(self, backend_args: dict[str, Any] | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Adds ``img``, ``img_shape`` and ``ori_shape``.

        Raises:
            ValueError: The file is not such an image.
        """
        path = results["img_path"]
        try:
            array = np.load(io.BytesIO(fileio.get(path, backend_args=self.backend_args)), allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ValueError(f"image file '{path}' is not an array: {error}") from error
        results["img"] = np.ascontiguousarray(_bytes(array, path)[..., ::-1])
        results["img_shape"] = results["ori_shape"] = array.shape[:2]
        return results

    def __repr__(self) -> str:
        """Name."""
        return f"{type(self).__name__}()"


def _bytes(array: np.ndarray, path: str) -> np.ndarray:
    if array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"image file '{path}' must have shape (H, W, 3), it holds {array.shape}")
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating) or not (array.min() >= 0 and array.max() <= 1):
        raise ValueError(
            f"image file '{path}' must hold uint8, or floats in [0, 1]; it holds {array.dtype} "
            f"from {array.min()} to {array.max()}"
        )
    return np.round(array * 255).astype(np.uint8)
