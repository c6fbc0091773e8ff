"""CIFAR-100 as twenty tasks of five classes each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset

from mmdymu.registry import DATASETS

from .base import MetaInfo, Pipeline
from .cifar_files import CLASSES, FINE_NAMES, SIDE, check_meta, read_split

__all__ = ["CIFAR100Tasks"]

SPLITS = ("train", "test")


@DATASETS.register_module()
class CIFAR100Tasks(BaseDataset):
    """Every superclass is a task that tells its five classes apart; every image counts for one task only.

    Reads the files ``train``, ``test`` and ``meta`` of the python version and writes nothing. 2500 images a task for
    training and 500 for testing. Labels are 0 to 4, by ascending class number.

    Items hold ``img`` ((32, 32, 3) uint8, BGR, as ``LoadImageFromFile`` gives it), ``img_shape``, ``ori_shape``,
    ``img_path`` (a name, there is no such file), ``task_kinds`` and ``class_labels``; the last two know the image's own
    task only.

    Args:
        split: ``'train'`` or ``'test'``.
        data_root: Folder ``cifar-100-python``.
        tasks: Superclasses to use, in this order; None: all twenty in their own order.
        metainfo: Further metainfo.
        indices: Use only these images, or the first so many.
        pipeline: Transforms.
        test_mode: Whether a failing pipeline is an error instead of a reason to take another image.
        lazy_init: Read nothing before it is needed.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: ``split`` or a task is unknown, or a file is damaged.
    """

    def __init__(
        self,
        split: str = "train",
        data_root: str = "data/cifar-100-python",
        tasks: Sequence[str] | None = None,
        *,
        metainfo: MetaInfo | None = None,
        indices: int | Sequence[int] | None = None,
        pipeline: Pipeline = (),
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"split={split!r} of CIFAR100Tasks must be one of {SPLITS}")
        self.split = split
        self.tasks = _checked_tasks(tasks)
        described = {task: {"kind": "class", "classes": CLASSES[task]} for task in self.tasks}
        super().__init__(
            ann_file="",
            metainfo={**(metainfo or {}), "tasks": described},
            data_root=data_root,
            data_prefix={},
            indices=indices,
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Name, task and label of every image of the wanted tasks; the images stay in one array."""
        folder = Path(self.data_root)
        check_meta(folder / "meta")
        content = read_split(folder / self.split)
        self._images = content.images
        names = list(CLASSES)
        items = []
        for number, (fine, coarse) in enumerate(zip(content.fine.tolist(), content.coarse.tolist(), strict=True)):
            task = names[coarse]
            if task in self.tasks:
                path = str(folder / self.split / (content.names[number] or f"{number:05d}.png"))
                label = CLASSES[task].index(FINE_NAMES[fine])
                items.append({"img_path": path, "number": number, "task": task, "label": label})
        if not items:
            raise ValueError(f"'{folder / self.split}' has no image of tasks={list(self.tasks)}")
        return items

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Item ``idx`` with its image and what the transforms need to know about its task."""
        item = super().get_data_info(idx)
        task, label = item.pop("task"), item.pop("label")
        # A copy: transforms may write into it.
        image = np.ascontiguousarray(self._images[item.pop("number")][::-1].transpose(1, 2, 0))
        return {
            **item,
            "img": image,
            "img_shape": (SIDE, SIDE),
            "ori_shape": (SIDE, SIDE),
            "task_kinds": {task: "class"},
            "class_labels": {task: label},
            "seg_fields": [],
        }

    @property
    def image_tasks(self) -> np.ndarray:
        """(M,) number of every image's task, in the order of ``tasks``; samplers balance by it."""
        self.full_init()
        numbers = {task: number for number, task in enumerate(self.tasks)}
        return np.array([numbers[super(CIFAR100Tasks, self).get_data_info(i)["task"]] for i in range(len(self))])


def _checked_tasks(tasks: Sequence[str] | None) -> tuple[str, ...]:
    if tasks is None:
        return tuple(CLASSES)
    unknown = [task for task in tasks if task not in CLASSES]
    if isinstance(tasks, str) or not tasks or unknown or len(set(tasks)) != len(tasks):
        raise ValueError(f"tasks={tasks!r} of CIFAR100Tasks must be different superclasses out of {', '.join(CLASSES)}")
    return tuple(tasks)
