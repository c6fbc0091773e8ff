"""One frame of NYU Depth V2, from the released arrays to PNG files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmdymu.datasets.decoders.borders import borders

from .camera import nyuv2_camera
from .errors import ConversionError
from .framing import Framing
from .normals import normals_from_depth
from .nyuv2_classes import RAW_CLASSES
from .nyuv2_mat import NyuV2Frame, NyuV2Mat

FOLDERS = ("images", "semseg", "depth", "normals", "edges")


@dataclass(frozen=True)
class FrameConverter:
    """Writes the PNGs of a frame; can be pickled.

    Attributes:
        source: The labelled file.
        framing: Crop and size.
        table: (895,) uint8, class of each raw class.
        window: Pixels across the window that normals are fitted in.
        out: Folder that has the folders ``FOLDERS``.
    """

    source: NyuV2Mat
    framing: Framing
    table: np.ndarray
    window: int
    out: Path

    def __call__(self, number: int) -> None:
        """Convert a frame.

        Args:
            number: From 1.

        Raises:
            ConversionError: The frame cannot be read or holds a raw class that does not exist.
        """
        frame = self.source.frame(number)
        if frame.labels.max(initial=0) > RAW_CLASSES:
            raise ConversionError(
                f"frame {number} of '{self.source.path}' holds label {frame.labels.max()}; "
                f"raw classes are 0 to {RAW_CLASSES}"
            )
        for folder, content in self.encoded(frame).items():
            (self.out / folder / f"{frame_name(number)}.png").write_bytes(content)

    def encoded(self, frame: NyuV2Frame) -> dict[str, bytes]:
        """The PNG of each folder."""
        rows, columns = self.framing.sources(frame.labels.shape)
        pixels = np.ix_(rows, columns)
        x, y = nyuv2_camera(frame.labels.shape).rays(rows, columns)
        depth = frame.depth[pixels]
        return {
            "images": _png(self.framing.image(frame.image)[..., ::-1]),
            "semseg": _png(self.table[frame.labels[pixels]]),
            "depth": _png(millimetres(depth)),
            "normals": _png(stored_normals(normals_from_depth(depth, x, y, self.window))[..., ::-1]),
            "edges": _one_bit_png(segment_borders(frame.labels[pixels], frame.instances[pixels])),
        }


def frame_name(number: int) -> str:
    """Name of a frame's files: '0001' is the first."""
    return f"{number:04d}"


def millimetres(depth: np.ndarray) -> np.ndarray:
    """Depth as stored.

    Args:
        depth: (H, W) metres.

    Returns:
        (H, W) uint16; 0 = invalid, which includes 65.536 m and more.
    """
    rounded = np.rint(1000 * np.nan_to_num(depth, nan=0, posinf=0, neginf=0).astype(np.float64))
    return np.where((rounded > 0) & (rounded < 2**16), rounded, 0).astype(np.uint16)


def stored_normals(normals: np.ndarray) -> np.ndarray:
    """Normals as stored: n = v / 32767.5 - 1, at most 1/65535 off; -n is stored as 65535 - v.

    There is no v for n = 0: it lies between 32767 and 32768 and is stored as the latter. No unit vector becomes
    (0, 0, 0), so that this can mark pixels without a normal.

    Args:
        normals: (H, W, 3) unit vectors; (0, 0, 0) = none.

    Returns:
        (H, W, 3) uint16; (0, 0, 0) = none.
    """
    values = np.floor((normals.astype(np.float64) + 1) * 32767.5 + 0.5)
    return np.where(normals.any(axis=2, keepdims=True), values, 0).astype(np.uint16)


def segment_borders(labels: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """Borders between segments: objects of a class, or the part of a class that is not divided into objects.

    Args:
        labels: (H, W) raw classes, 0 to 894; unlabelled pixels are a segment, too.
        instances: (H, W) uint8 numbers of objects within their class.

    Returns:
        (H, W) uint8, 1 on borders, one pixel wide.
    """
    return borders(labels.astype(np.int32) * 256 + instances)


def _png(array: np.ndarray) -> bytes:
    written, content = cv2.imencode(".png", np.ascontiguousarray(array))
    assert written
    return content.tobytes()


def _one_bit_png(mask: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(bool)).save(buffer, "PNG")
    return buffer.getvalue()
