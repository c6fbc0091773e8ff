"""Procedural rooms as a data set: needs no download, every label is exact."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmdymu.registry import DATASETS

from .base import BaseMultiTaskDataset, MetaInfo, Pipeline
from .caching import cache_folder
from .scenes.cache import IMAGE_FOLDER, SceneSeries, cached_series
from .scenes.labels import SCENE_TASKS


@DATASETS.register_module()
class ScenesDataset(BaseMultiTaskDataset):
    """Rooms with textured boxes, cylinders and spheres; rendered on first use, then read from a cache folder.

    Tasks: ``semseg`` (8 classes), ``depth`` (metres along the camera's z axis, stored to 0.25 mm),
    ``normals`` (unit, camera frame x right, y up, z to the camera), ``edges`` (borders of surfaces),
    ``saliency`` (the nearest solid), ``parts`` (sides of solids). Image i depends on (``seed``, i) and the
    size only; splits differ in their seed.

    Args:
        length: Number of images.
        size: (height, width).
        seed: Series of rooms, not negative.
        tasks: Tasks to load, in this order.
        cache_dir: Folder for rendered series; default ``$MMDYMU_CACHE/scenes`` or ``~/.cache/mmdymu/scenes``.
        num_workers: Processes that render; 0: none; None: one for each usable core.
        metainfo: Further metainfo.
        pipeline: Transforms.
        test_mode: Whether a failing pipeline is an error.
        lazy_init: Render and read nothing before it is needed.

    Raises:
        ValueError: A task is unknown or there is none, or a number is out of range.
    """

    def __init__(
        self,
        length: int = 1000,
        size: tuple[int, int] = (96, 128),
        seed: int = 0,
        tasks: Sequence[str] = ("semseg", "depth", "normals"),
        *,
        cache_dir: str | None = None,
        num_workers: int | None = None,
        metainfo: MetaInfo | None = None,
        pipeline: Pipeline = (),
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        unknown = [task for task in tasks if task not in SCENE_TASKS]
        if unknown or isinstance(tasks, str):
            raise ValueError(f"tasks={tasks!r} of ScenesDataset: known tasks are {', '.join(SCENE_TASKS)}")
        self.series = _checked_series(length, size, seed)
        self.cache_dir = Path(cache_dir).expanduser() if cache_dir else cache_folder("scenes")
        self.num_workers = num_workers
        super().__init__(
            {task: SCENE_TASKS[task] for task in tasks},
            metainfo=metainfo,
            pipeline=pipeline,
            test_mode=test_mode,
            lazy_init=lazy_init,
        )

    def entries(self) -> Sequence[int]:
        """Numbers of the rooms; renders them if no one has."""
        self._folder = cached_series(self.series, self.cache_dir, self.num_workers)
        return range(self.series.length)

    def item(self, entry: int, tasks: Sequence[str] | None = None) -> dict[str, Any]:
        """Paths of a room's image and labels."""
        wanted = self.tasks if tasks is None else tasks
        return {
            "img_path": str(self._folder / IMAGE_FOLDER / f"{entry:06d}.png"),
            "label_paths": {task: str(self._folder / task / f"{entry:06d}.png") for task in wanted},
        }


def _checked_series(length: int, size: tuple[int, int], seed: int) -> SceneSeries:
    if len(size) != 2 or any(not isinstance(side, int) or side < 2 for side in size):
        raise ValueError(f"size={size!r} of ScenesDataset must be (height, width), two whole numbers of at least 2")
    if not isinstance(length, int) or length < 1:
        raise ValueError(f"length={length!r} of ScenesDataset must be a whole number of at least 1")
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed={seed!r} of ScenesDataset must be a whole number of at least 0")
    return SceneSeries(length=length, height=size[0], width=size[1], seed=seed)
