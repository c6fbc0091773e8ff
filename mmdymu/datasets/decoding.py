"""From stored numbers to label maps: pure functions, one for each kind of task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

from .task_spec import IGNORE_LABEL, OUTSIDE, TaskSpec

# Shorter vectors are noise around "no normal" (JPEG moves mid-grey by a few steps), not directions.
MIN_NORMAL_LENGTH = 0.1


def decode(stored: np.ndarray, spec: TaskSpec) -> np.ndarray:
    """Label map of one image.

    Args:
        stored: Array of a label file.
        spec: The task.

    Returns:
        Labels (H, W) uint8; depth (H, W) float32; normals (H, W, 3) float32.

    Raises:
        ValueError: The array has the wrong shape, or a label lies outside the classes.
    """
    return _DECODERS[spec.kind](_checked_shape(stored, spec), spec)


def ignored_map(spec: TaskSpec, shape: tuple[int, int]) -> np.ndarray:
    """The map of an image that has no label for this task: 255 for labels, 0 for the others.

    Args:
        spec: The task.
        shape: (H, W).
    """
    if spec.kind == "label":
        return np.full(shape, IGNORE_LABEL, np.uint8)
    return np.zeros((*shape, 3) if spec.kind == "normals" else shape, np.float32)


def decode_labels(stored: np.ndarray, spec: TaskSpec) -> np.ndarray:
    """Classes from stored values, (H, W) uint8, 255 = ignore."""
    if stored.dtype == np.uint8:
        labels = cv2.LUT(stored, spec.label_table)
    else:
        values, places = np.unique(stored, return_inverse=True)
        known = [spec.label_of(int(value)) if float(value).is_integer() else OUTSIDE for value in values]
        labels = np.array(known, np.uint8)[places].reshape(stored.shape)
    outside = labels == OUTSIDE
    if outside.any():
        raise ValueError(
            f"stored value {stored[outside][0]} is outside the {len(spec.classes)} classes of task "
            f"'{spec.name}' (0 to {len(spec.classes) - 1} after decoding; use ignore, offset or value_map)"
        )
    return labels


def decode_depth(stored: np.ndarray, spec: TaskSpec) -> np.ndarray:
    """Metres from stored values, (H, W) float32; ignored, negative and non-finite values become 0."""
    if stored.dtype == np.uint8:
        return cv2.LUT(stored, _metres(np.arange(256), spec).astype(np.float32))
    return _metres(stored, spec).astype(np.float32)


def _metres(stored: np.ndarray, spec: TaskSpec) -> np.ndarray:
    metres = stored * spec.decoding.scale + spec.decoding.offset
    valid = np.isfinite(metres) & (metres > 0) & ~np.isin(stored, spec.decoding.ignore)
    return np.where(valid, metres, 0)


def decode_normals(stored: np.ndarray, spec: TaskSpec) -> np.ndarray:
    """Unit vectors from stored RGB = (x, y, z), (H, W, 3) float32; no direction becomes (0, 0, 0)."""
    decoding = spec.decoding
    scale, offset = np.float32(decoding.scale), np.float32(decoding.offset)
    if stored.dtype == np.uint8:
        normals = cv2.LUT(stored, np.arange(256, dtype=np.float32) * scale + offset)
    else:
        normals = stored.astype(np.float32) * scale + offset
    if decoding.y_down:
        normals[..., 1] *= -1
    for value in decoding.ignore:
        normals[(stored == value).all(axis=2)] = 0
    return unit_vectors(normals) if decoding.renormalise else normals


def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """Divide (H, W, 3) vectors by their length; shorter than ``MIN_NORMAL_LENGTH`` or not finite: 0."""
    x, y, z = cv2.split(vectors)
    length = cv2.sqrt(x * x + y * y + z * z)
    with np.errstate(divide="ignore"):
        # Written so that NaN, too, falls on the side of "no direction".
        factor = np.where(length >= MIN_NORMAL_LENGTH, 1 / length, np.float32(0))
    units = cv2.merge((x * factor, y * factor, z * factor))
    if not np.isfinite(length).all():
        units[~np.isfinite(length)] = 0
    return units


_DECODERS: Mapping[str, Callable[[np.ndarray, TaskSpec], np.ndarray]] = MappingProxyType(
    {"label": decode_labels, "depth": decode_depth, "normals": decode_normals}
)


def _checked_shape(stored: np.ndarray, spec: TaskSpec) -> np.ndarray:
    """Drop a last axis of one channel, refuse what does not fit the kind."""
    if spec.kind == "normals":
        if stored.ndim != 3 or stored.shape[2] != 3:
            raise ValueError(f"normals of task '{spec.name}' need shape (H, W, 3), the file holds {stored.shape}")
        return stored
    if stored.ndim == 3 and stored.shape[2] == 1:
        stored = stored[..., 0]
    if stored.ndim != 2:
        raise ValueError(f"task '{spec.name}' of kind '{spec.kind}' needs one channel, the file holds {stored.shape}")
    return stored
