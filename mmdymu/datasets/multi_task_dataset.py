"""Images and label maps in folders, described entirely by the config."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmdymu.registry import DATASETS

from .base import BaseMultiTaskDataset, MetaInfo, Pipeline
from .task_spec import TaskSpec

DATA_ROOT_VARIABLE = "MMDYMU_DATA_ROOT"


@DATASETS.register_module()
class MultiTaskDataset(BaseMultiTaskDataset):
    """Folders of images and labels that share file names.

    Image ``{data_root}/{img folder}/{id}{img suffix}`` has the label ``{data_root}/{folder}/{id}{suffix}``
    for each task; the split file names one id a line.

    Args:
        tasks: Task name to description, in order. Fields: ``kind`` ('label', 'depth', 'normals'), ``folder``
            (default: the task's name), ``suffix`` ('.png'; any image format or '.npy'), ``classes`` and
            ``palette`` (labels), ``optional`` (an image may lack the label) and the decoding: ``scale``,
            ``offset``, ``ignore``, ``value_map``, ``renormalise``; see :class:`Decoding`.
        ann_file: Split file, relative to ``data_root``.
        img: ``folder`` (default 'images') and ``suffix`` (default '.jpg') of the images.
        data_root: Folder of the data.
        how_to_get: Said in the error if the folder is missing: where the data comes from.
        metainfo: Further metainfo.
        indices: Use only these images, or the first so many.
        pipeline: Transforms.
        test_mode: Whether a failing pipeline is an error.
        lazy_init: Read nothing before it is needed.

    Raises:
        FileNotFoundError: Data folder, split file, image or label file is missing.
        ValueError: No task, an unknown field, or an empty split.
    """

    def __init__(
        self,
        tasks: Mapping[str, Mapping[str, Any]] | None = None,
        ann_file: str = "",
        img: Mapping[str, str] | None = None,
        data_root: str = "",
        how_to_get: str = "",
        *,
        metainfo: MetaInfo | None = None,
        indices: int | Sequence[int] | None = None,
        pipeline: Pipeline = (),
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        unknown = set(img or {}) - {"folder", "suffix"}
        if unknown:
            raise ValueError(f"img has unknown fields {sorted(unknown)}; allowed are folder and suffix")
        self.img_folder = (img or {}).get("folder", "images")
        self.img_suffix = (img or {}).get("suffix", ".jpg")
        self.how_to_get = how_to_get
        super().__init__(
            {} if tasks is None else tasks,
            ann_file=ann_file,
            data_root=data_root,
            metainfo=metainfo,
            indices=indices,
            pipeline=pipeline,
            test_mode=test_mode,
            lazy_init=lazy_init,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Paths of all images of the split and of their labels; every file is looked for here, once."""
        root = Path(self.data_root)
        self._check_folder(root, "data folder")
        ids = self._read_split()
        self._check_folder(root / self.img_folder, "image folder")
        for spec in self.task_specs.values():
            if not spec.optional:
                self._check_folder(root / spec.folder, f"label folder of task '{spec.name}'")
        return [self._item(root, name) for name in ids]

    def _check_folder(self, folder: Path, what: str) -> None:
        if folder.is_dir():
            return
        hint = f" {self.how_to_get.rstrip('.')}." if self.how_to_get else ""
        raise FileNotFoundError(
            f"{what} '{folder.absolute()}' does not exist.{hint} Configs look in 'data/' of the working "
            f"directory; set {DATA_ROOT_VARIABLE} to look elsewhere "
            f"(now {os.environ.get(DATA_ROOT_VARIABLE, 'not set')})."
        )

    def _read_split(self) -> list[str]:
        """Ids of the split; BaseDataset has joined ``data_root`` and ``ann_file``."""
        path = Path(self.ann_file)
        if not self.ann_file:
            raise ValueError("ann_file is missing: the split file, one id a line, relative to data_root")
        if not path.is_file():
            raise FileNotFoundError(f"split file '{path.absolute()}' (ann_file) does not exist")
        ids = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        if not ids:
            raise ValueError(f"split file '{path.absolute()}' (ann_file) names no image")
        return ids

    def _item(self, root: Path, name: str) -> dict[str, Any]:
        image = root / self.img_folder / f"{name}{self.img_suffix}"
        if not image.is_file():
            raise FileNotFoundError(f"image '{name}' of split '{self.ann_file}' is missing: no file '{image}'")
        labels = {task: self._label_path(root, spec, name) for task, spec in self.task_specs.items()}
        return {"img_path": str(image), "label_paths": labels}

    def _label_path(self, root: Path, spec: TaskSpec, name: str) -> str | None:
        path = root / spec.folder / f"{name}{spec.suffix}"
        if path.is_file():
            return str(path)
        if spec.optional:
            return None
        raise FileNotFoundError(
            f"image '{name}' has no label for task '{spec.name}': no file '{path}' "
            "(declare the task optional=True if labels may be missing)"
        )
