"""A tiny data set on disk with known numbers, and pipelines to read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

CLASSES = ("floor", "wall", "lamp")
TASKS: dict[str, dict[str, Any]] = {
    "semseg": {"kind": "label", "classes": CLASSES},
    "depth": {"kind": "depth", "scale": 0.04, "offset": 0.02},
    "normals": {"kind": "normals"},
}
LOAD = [{"type": "LoadImageFromFile"}, {"type": "mmdymu.LoadMultiTaskAnnotations"}]


def known_arrays(index: int, height: int = 6, width: int = 8) -> dict[str, np.ndarray]:
    """Stored values of image ``index``: every pixel differs from its neighbours; normals as RGB."""
    rng = np.random.default_rng(index)
    return {
        "images": rng.integers(0, 256, (height, width, 3), np.uint8),
        "semseg": rng.choice(np.array([0, 1, 2, 255], np.uint8), (height, width)),
        "depth": rng.integers(0, 256, (height, width), np.uint8),
        "normals": rng.integers(0, 256, (height, width, 3), np.uint8),
    }


def write_image(path: Path, array: np.ndarray) -> None:
    """Write an RGB or grey array."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array[..., ::-1] if array.ndim == 3 else array)


def write_data_set(root: Path, length: int = 3) -> dict[str, Any]:
    """Write ``length`` images with labels and a split; returns arguments of MultiTaskDataset."""
    names = [f"{index:04d}" for index in range(length)]
    for index, name in enumerate(names):
        for folder, array in known_arrays(index).items():
            write_image(root / folder / f"{name}.png", array)
    (root / "train.txt").write_text("\n".join(names) + "\n")
    return {"data_root": str(root), "ann_file": "train.txt", "img": {"suffix": ".png"}, "tasks": TASKS}
