"""One label of one image, from its file or annotations to a map."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmengine import fileio

from .coco import CocoLabel
from .decoding import decode
from .sources import LabelSource
from .task_spec import IGNORE_LABEL, TaskSpec


def read_label(label: str | CocoLabel, spec: TaskSpec, backend_args: dict[str, Any] | None = None) -> np.ndarray:
    """A task's label map at the size that is stored.

    Args:
        label: Path of the file, or what is to be drawn.
        spec: The task.
        backend_args: Options of mmengine's file backend.

    Returns:
        Labels (H, W) uint8; depth (H, W) float32, metres; normals (H, W, 3) float32.

    Raises:
        ValueError: The label cannot be read; file and task are named.
    """
    try:
        if isinstance(label, CocoLabel):
            return label.draw()
        return decode(spec.source.read(fileio.get(label, backend_args=backend_args)), spec)
    except ValueError as error:
        raise ValueError(f"{label_name(label, spec)}: {error}") from error


def read_mask(path: str, source: LabelSource, task: str, backend_args: dict[str, Any] | None = None) -> np.ndarray:
    """(H, W) mask of a task's label; 0 where the label does not count.

    Raises:
        ValueError: The file cannot be read; file and task are named.
    """
    try:
        mask = source.read(fileio.get(path, backend_args=backend_args))
    except ValueError as error:
        raise ValueError(f"mask file '{path}' of task '{task}': {error}") from error
    mask = mask[..., 0] if mask.ndim == 3 and mask.shape[2] == 1 else mask
    if mask.ndim != 2:
        raise ValueError(f"mask file '{path}' of task '{task}' needs one channel, it holds {mask.shape}")
    return mask


def apply_mask(mask: np.ndarray, label: np.ndarray, spec: TaskSpec) -> None:
    """Marks, in place, the pixels of a label as not counting where a mask of its size is 0."""
    label[mask == 0] = IGNORE_LABEL if spec.kind == "label" else 0


def resized_nearest(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A label or mask at another (height, width); no value is averaged."""
    return cv2.resize(array, (size[1], size[0]), interpolation=cv2.INTER_NEAREST)


def size_mismatch(array: np.ndarray, name: str, image: str | None, size: tuple[int, int]) -> ValueError:
    """The error of a label or mask of another size than its image."""
    return ValueError(
        f"{name} is {array.shape[0]}x{array.shape[1]} (height x width), but its image '{image}' is {size[0]}x{size[1]}"
    )


def label_name(label: str | CocoLabel, spec: TaskSpec) -> str:
    """What errors call a label."""
    if isinstance(label, CocoLabel):
        return f"annotation of image '{label.image}' in '{spec.coco}' of task '{spec.name}'"
    return f"label file '{label}' of task '{spec.name}'"
