"""What all multi-task data sets share: task descriptions, metainfo and the keys that the pipeline reads."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
from mmengine.dataset import BaseDataset

from .task_spec import parse_tasks

MetaInfo = Mapping[str, Any]
Pipeline = Sequence[dict | Callable]


class BaseMultiTaskDataset(BaseDataset):
    """A data set whose images have one label map for each task.

    ``metainfo['tasks']`` maps each task to its ``kind`` and, for labels, ``classes`` and ``palette``, in
    order. Items hold ``img_path`` and ``label_paths`` (task to path, or None where
    the label is missing).

    Args:
        tasks: Task name to description, see :class:`TaskSpec`; its order is the order of tasks.
        ann_file: Split file, relative to ``data_root``; '' if the data set has none.
        data_root: Folder of the data.
        metainfo: Further metainfo.
        indices: Use only these images, or the first so many.
        pipeline: Transforms.
        test_mode: Whether a failing pipeline is an error instead of a reason to take another image.
        lazy_init: Read nothing before it is needed.
    """

    def __init__(
        self,
        tasks: Mapping[str, Mapping[str, Any]],
        *,
        ann_file: str = "",
        data_root: str = "",
        metainfo: MetaInfo | None = None,
        indices: int | Sequence[int] | None = None,
        pipeline: Pipeline = (),
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        self.task_specs = parse_tasks(tasks)
        described = {name: spec.metainfo for name, spec in self.task_specs.items()}
        super().__init__(
            ann_file=ann_file,
            metainfo={**(metainfo or {}), "tasks": described},
            data_root=data_root,
            data_prefix={},
            indices=indices,
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Items of all entries; every file is looked for here, once."""
        self.check_folders()
        return self.prepared([self.item(entry) for entry in self.entries()])

    def check_folders(self) -> None:
        """Looks for the folders that everything lies in.

        Raises:
            FileNotFoundError: One does not exist.
        """

    @abstractmethod
    def entries(self) -> Sequence[Any]:
        """What the data set lists: an id, a row, a number of each image."""

    @abstractmethod
    def item(self, entry: Any, tasks: Sequence[str] | None = None) -> dict[str, Any]:
        """Paths of an image and its labels.

        Args:
            entry: One of :meth:`entries`.
            tasks: Only the labels of these tasks; None: all.

        Raises:
            FileNotFoundError: The image or one of the labels is missing.
        """

    def prepared(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The items as they are kept."""
        return items

    @property
    def tasks(self) -> tuple[str, ...]:
        """Task names, in order."""
        return tuple(self.task_specs)

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Item ``idx`` with what the transforms need to know about the tasks."""
        return {**super().get_data_info(idx), **self.task_info()}

    def prepare_data(self, idx: int) -> Any:
        """Item ``idx`` after the pipeline.

        Raises:
            ValueError: The image cannot be read.
        """
        try:
            return super().prepare_data(idx)
        except (AssertionError, cv2.error) as error:  # What mmcv raises for damaged and for empty files.
            if not any(words in str(error) for words in ("failed to load image", "imdecode")):
                raise
            raise ValueError(
                f"image file '{self.get_data_info(idx)['img_path']}' cannot be read; find all damaged files with "
                "tools/check_dataset.py CONFIG --all"
            ) from error

    def task_info(self) -> dict[str, Any]:
        """What the transforms need to know about the tasks."""
        return {
            "task_specs": self.task_specs,
            "task_kinds": {name: spec.kind for name, spec in self.task_specs.items()},
            "seg_fields": [],
        }
