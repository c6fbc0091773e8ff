"""Rendered rooms on disk: rendered once by several processes, then shared by all readers.

A series is a folder with one PNG for each image and task, named by a hash of everything that shapes its
pixels. It is written under a temporary name and renamed when complete, so the folder's presence means that
it is whole. One process renders while others wait for its lock; the kernel drops the lock of a process that
died.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from mmengine.logging import print_log

from ..caching import locked, map_parallel
from .labels import DEPTH_SCALE, NORMAL_SCALE, SCENE_TASKS
from .rendering import GENERATOR_VERSION, render_scene

IMAGE_FOLDER = "images"


@dataclass(frozen=True)
class SceneSeries:
    """The rooms ``0 … length - 1`` of a seed at one size.

    Attributes:
        length: Number of rooms.
        height: Image rows.
        width: Image columns.
        seed: Seed of the series.
    """

    length: int
    height: int
    width: int
    seed: int

    @property
    def folder_name(self) -> str:
        """Name that differs whenever a pixel may differ."""
        key = json.dumps({**asdict(self), "version": GENERATOR_VERSION}, sort_keys=True)
        digest = hashlib.sha256(key.encode()).hexdigest()[:12]
        return f"{self.height}x{self.width}_seed{self.seed}_n{self.length}_{digest}"


def cached_series(series: SceneSeries, cache_dir: Path, num_workers: int | None = None) -> Path:
    """Folder of the rendered series; renders it first if it is not there.

    Args:
        series: What to render.
        cache_dir: Folder that holds all series; made if absent.
        num_workers: Rendering processes; 0 renders in this one; None: one for each usable core.

    Returns:
        Folder with ``images/``, one folder per task, files ``{index:06d}.png``.
    """
    folder = cache_dir / series.folder_name
    if folder.is_dir():
        return folder
    cache_dir.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock"), "rendering the same scenes") as alone:
        if folder.is_dir():
            return folder
        if alone:
            _remove_leftovers(folder)
        temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=cache_dir))
        try:
            _render_all(series, temporary, num_workers)
            _publish(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _publish(temporary: Path, folder: Path) -> None:
    temporary.chmod(0o755)  # mkdtemp makes private folders; a cache may be shared
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was first, with the same content
            raise


def _remove_leftovers(folder: Path) -> None:
    """Temporary folders of runs that were killed; only the holder of the lock may do this."""
    for leftover in folder.parent.glob(f"{folder.name}.tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _render_all(series: SceneSeries, folder: Path, num_workers: int | None) -> None:
    for name in (IMAGE_FOLDER, *SCENE_TASKS):
        (folder / name).mkdir()
    print_log(f"Rendering {series.length} scenes of {series.height}x{series.width} for {folder.parent}", "current")
    map_parallel(partial(write_scene, series, folder), range(series.length), num_workers)


def write_scene(series: SceneSeries, folder: Path, index: int) -> None:
    """Render one room and write its image and labels as PNG files.

    Args:
        series: The series that the room belongs to.
        folder: Folder of the series, with its sub-folders.
        index: Number of the room.

    Raises:
        OSError: A file could not be written.
    """
    arrays = render_scene(series.seed, index, series.height, series.width)
    stored = {IMAGE_FOLDER: arrays.pop("img"), **arrays}
    stored["depth"] = np.round(arrays["depth"] / DEPTH_SCALE).astype(np.uint16)
    # PNG files hold RGB = (x, y, z); OpenCV writes BGR.
    stored["normals"] = np.round((arrays["normals"][..., ::-1] + 1) / NORMAL_SCALE).astype(np.uint16)
    for name, array in stored.items():
        path = folder / name / f"{index:06d}.png"
        # Noisy textures and slopes hardly shrink; stored plainly they are written and read twice as fast.
        level = 0 if name in (IMAGE_FOLDER, "depth") else 1
        if not cv2.imwrite(str(path), array, [cv2.IMWRITE_PNG_COMPRESSION, level]):
            raise OSError(f"could not write {path}")
