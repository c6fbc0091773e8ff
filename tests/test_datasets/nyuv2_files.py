"""The official files of NYU Depth V2, tiny: exact layout and types, one slanted plane in each frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from test_datasets.mat_files import mat
from test_datasets.plane import NORMAL

SIZE = (48, 64)
MAP_CLASS = 1 + 7 * np.arange(894) % 40


def nyu_rays(size: tuple[int, int]) -> np.ndarray:
    """Directions with z = -1 (x right, y up) through the pixels of the Kinect's view, (H, W, 3).

    The toolbox has X = (u - cx) / fx with u from 1, for 640 columns; a pixel of a smaller frame covers several.
    """
    u = (np.arange(size[1]) + 0.5) * 640 / size[1] + 0.5
    v = (np.arange(size[0]) + 0.5) * 480 / size[0] + 0.5
    x, y = np.meshgrid((u - 325.582449) / 518.857901, -(v - 253.736166) / 519.469611)
    return np.stack([x, y, -np.ones(size)], axis=2)


def nyu_plane(size: tuple[int, int], distance: float = 2.0, normal: np.ndarray = NORMAL) -> np.ndarray:
    """Depth of the plane n·p = -distance, (H, W) m."""
    return -distance / (nyu_rays(size) @ normal)


def nyu_frame(number: int, size: tuple[int, int] = SIZE) -> dict[str, np.ndarray]:
    """What is known of frame ``number``; every pixel of the image differs, labels are blocks of 8x8."""
    rng = np.random.default_rng(number)
    blocks = (-(-size[0] // 8), -(-size[1] // 8))
    labels = rng.integers(0, 895, blocks, np.uint16)
    labels.flat[:3] = (0, 1, 894)[: labels.size]
    instances = rng.integers(0, 5, blocks, np.uint8)
    enlarge = np.ones((8, 8), int)
    return {
        "images": rng.integers(0, 256, (*size, 3), np.uint8),
        "labels": np.kron(labels, enlarge)[: size[0], : size[1]].astype(np.uint16),
        "instances": np.kron(instances, enlarge)[: size[0], : size[1]].astype(np.uint8),
        "depths": nyu_plane(size, 1 + 0.5 * number).astype(np.float32),
    }


def write_mat(path: Path, frames: list[dict[str, np.ndarray]]) -> None:
    """An HDF5 file as MATLAB 7.3 writes it: H x W x 3 x N, so that HDF5 has the dimensions in reverse."""
    with h5py.File(path, "w") as file:
        for name in frames[0]:
            in_matlab = np.stack([frame[name] for frame in frames], axis=-1)
            file.create_dataset(name, data=in_matlab.T)


def write_nyuv2(
    folder: Path, count: int = 3, size: tuple[int, int] = SIZE, **changes: Any
) -> tuple[dict[str, Path], list[dict[str, np.ndarray]]]:
    """The three files and what the frames hold.

    Args:
        folder: Made if absent.
        count: Frames; the last is for testing.
        size: Rows and columns.
        changes: ``train`` and ``test`` (frames of the splits), ``map_class``, ``frames``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frames = changes.get("frames") or [nyu_frame(number, size) for number in range(1, count + 1)]
    paths = {"source": folder / "labeled.mat", "splits": folder / "splits.mat", "mapping": folder / "mapping.mat"}
    write_mat(paths["source"], frames)
    train = np.array(changes.get("train", range(1, count)), np.uint16)
    test = np.array(changes.get("test", [count]), np.uint16)
    paths["splits"].write_bytes(mat(trainNdxs=train[:, None], testNdxs=test[:, None]))
    paths["mapping"].write_bytes(mat(mapClass=np.array(changes.get("map_class", MAP_CLASS), np.float64)[None]))
    return paths, frames
