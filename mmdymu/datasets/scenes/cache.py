"""Rendered rooms on disk: rendered once by several processes, then shared by all readers.

A series is a folder with one PNG for each image and task, named by a hash of everything that shapes its
pixels. It is written under a temporary name and renamed when complete, so the folder's presence means that
it is whole. One process renders while others wait for its lock; the kernel drops the lock of a process that
died.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from mmengine.logging import print_log
from mmengine.utils import ProgressBar

from .labels import DEPTH_SCALE, NORMAL_SCALE, SCENE_TASKS
from .rendering import GENERATOR_VERSION, render_scene

try:
    import fcntl
except ImportError:  # Windows: without a lock two processes may render the same; the first rename wins.
    fcntl = None  # type: ignore[assignment]

IMAGE_FOLDER = "images"
_POLL_SECONDS = 0.1


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


def default_cache_dir() -> Path:
    """``$MMDYMU_CACHE/scenes``, else ``~/.cache/mmdymu/scenes`` (``$XDG_CACHE_HOME`` is respected)."""
    root = os.environ.get("MMDYMU_CACHE")
    if root:
        return Path(root).expanduser() / "scenes"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "mmdymu" / "scenes"


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
    with _locked(folder.with_suffix(".lock")) as alone:
        if folder.is_dir():
            return folder
        if alone:
            _remove_leftovers(folder)
        temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=cache_dir))
        try:
            _render_all(series, temporary, _worker_count(num_workers, series.length))
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


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold a lock file; yields whether locks work here."""
    with path.open("a") as file:
        yield _lock(file)
    # The file stays: removing it while others wait on it would let two processes hold "the" lock.


def _lock(file: IO[str]) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except (BlockingIOError, PermissionError):
        print_log("Another process renders the same scenes; waiting for it.", logger="current")
        fcntl.lockf(file, fcntl.LOCK_EX)
        return True
    except OSError as error:
        print_log(f"The cache folder has no file locks ({error}).", logger="current", level=logging.WARNING)
        return False


def _remove_leftovers(folder: Path) -> None:
    """Temporary folders of runs that were killed; only the holder of the lock may do this."""
    for leftover in folder.parent.glob(f"{folder.name}.tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _worker_count(num_workers: int | None, length: int) -> int:
    # A daemon, such as a loader's worker, may not start processes.
    if multiprocessing.current_process().daemon:
        return 0
    if num_workers is None:
        num_workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    # One process more for few images costs more than it gives.
    return min(num_workers or 0, length // 16)


def _render_all(series: SceneSeries, folder: Path, workers: int) -> None:
    for name in (IMAGE_FOLDER, *SCENE_TASKS):
        (folder / name).mkdir()
    print_log(f"Rendering {series.length} scenes of {series.height}x{series.width} for {folder.parent}", "current")
    bar = ProgressBar(series.length)
    if workers < 2:
        for index in range(series.length):
            write_scene(series, folder, index)
            bar.update()
    else:
        _render_parallel(series, folder, workers, bar)
    bar.file.write("\n")


def _render_parallel(series: SceneSeries, folder: Path, workers: int, bar: ProgressBar) -> None:
    """Plain processes with a fixed share each: they end with their parent, and a dead one is noticed."""
    context = multiprocessing.get_context()
    done = context.Value("i", 0)
    shares = [range(first, series.length, workers) for first in range(workers)]
    processes = [context.Process(target=_work, args=(series, folder, share, done), daemon=True) for share in shares]
    for process in processes:
        process.start()
    shown = 0
    try:
        while any(process.is_alive() for process in processes) or shown < done.value:
            if any(process.exitcode for process in processes):
                break
            if done.value > shown:
                bar.update(done.value - shown)
                shown = bar.completed
            time.sleep(_POLL_SECONDS)
    finally:
        for process in processes:
            if process.exitcode != 0:
                process.terminate()
            process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError(
            f"a process that rendered scenes into {folder.parent} failed (its message is above); "
            "num_workers=0 renders in the main process"
        )


def _work(series: SceneSeries, folder: Path, indices: range, done: Any) -> None:
    cv2.setNumThreads(0)
    parent = multiprocessing.parent_process()
    for index in indices:
        if parent is not None and not parent.is_alive():
            return
        write_scene(series, folder, index)
        with done.get_lock():
            done.value += 1


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
