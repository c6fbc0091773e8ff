"""Images and label maps in folders, described entirely by the config."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmdymu.registry import DATASETS

from .base import BaseMultiTaskDataset
from .caching import cache_folder
from .coco import CocoLabel, coco_labels
from .content import images_with_content
from .label_cache import cached_labels
from .sources import LabelSource
from .splits import ids_of_folder, ids_of_split
from .task_spec import TaskSpec

DATA_ROOT_VARIABLE = "MMDYMU_DATA_ROOT"


@DATASETS.register_module()
class MultiTaskDataset(BaseMultiTaskDataset):
    """Folders of images and labels that share file names.

    Image ``{data_root}/{img folder}/{id}{img suffix}`` has the label ``{data_root}/{folder}/{id}{suffix}`` for each
    task; the split file names one id a line. Nothing is written into the data folder: label forms that are slow to
    decode are decoded once, into a cache folder.

    Args:
        tasks: Task name to description, in order. Fields: ``kind`` ('label', 'depth', 'normals'), ``classes`` and
            ``palette`` (labels), ``optional`` (an image may lack the label), ``resize`` (a label of another size is
            brought to the image's); where it lies: ``folder`` (default: the task's name; a list is searched in its
            order), ``suffix`` ('.png'; any image format, '.npy' or '.mat'), ``decoder``, or ``coco`` (an annotation
            file); what does not count: ``ignore``, ``mask`` (``folder``, ``suffix``, ``decoder``); numbers:
            ``scale``, ``offset``, ``value_map``, ``renormalise``, ``y_down``. See :class:`TaskSpec`,
            :class:`LabelSource` and :class:`Decoding`.
        ann_file: Split file, relative to ``data_root``; '' takes all images of the folder, in order of their numbers.
        img: ``folder`` (default 'images') and ``suffix`` (default '.jpg') of the images.
        data_root: Folder of the data.
        how_to_get: Said in the error if the folder is missing: where the data comes from.
        require: Tasks that an image must have content for, else it is left out: a class beside background and
            ignored pixels, a valid depth, a valid normal.
        cache_dir: Folder for decoded labels; default ``$MMDYMU_CACHE/labels`` or ``~/.cache/mmdymu/labels``.
        options: ``metainfo``, ``indices``, ``pipeline``, ``test_mode``, ``lazy_init`` of
            :class:`BaseMultiTaskDataset`.

    Raises:
        FileNotFoundError: Data folder, split file, image or label file is missing.
        ValueError: No task, an unknown field, an empty split, or no image with the required content.
    """

    def __init__(
        self,
        tasks: Mapping[str, Mapping[str, Any]] | None = None,
        ann_file: str = "",
        img: Mapping[str, str] | None = None,
        data_root: str = "",
        how_to_get: str = "",
        *,
        require: Sequence[str] = (),
        cache_dir: str | None = None,
        **options: Any,
    ) -> None:
        unknown = set(img or {}) - {"folder", "suffix"}
        if unknown:
            raise ValueError(f"img has unknown fields {sorted(unknown)}; allowed are folder and suffix")
        self.img_folder = (img or {}).get("folder", "images")
        self.img_suffix = (img or {}).get("suffix", ".jpg")
        self.how_to_get = how_to_get
        self.require = _checked_requirement(require, tasks or {})
        self.cache_dir = Path(cache_dir).expanduser() if cache_dir else cache_folder("labels")
        super().__init__({} if tasks is None else tasks, ann_file=ann_file, data_root=data_root, **options)

    def check_folders(self) -> None:
        """Looks for the folders of the data, the images and the labels; reads COCO annotations."""
        root = Path(self.data_root)
        self._check_folder(root, "data folder")
        self._check_folder(root / self.img_folder, "image folder")
        self._check_labels(root, list(self.task_specs.values()))

    def entries(self) -> Sequence[Any]:
        """Ids of the split; BaseDataset has joined ``data_root`` and ``ann_file``."""
        if self.ann_file:
            return ids_of_split(Path(self.ann_file))
        return ids_of_folder(Path(self.data_root) / self.img_folder, self.img_suffix)

    def item(self, entry: Any, tasks: Sequence[str] | None = None) -> dict[str, Any]:
        """Paths of an image, its labels and masks."""
        root = Path(self.data_root)
        image = root / self.img_folder / f"{entry}{self.img_suffix}"
        if not image.is_file():
            hint = " (ids have no suffix)" if str(entry).endswith(self.img_suffix) else ""
            raise FileNotFoundError(f"image '{entry}' of split '{self.ann_file}' is missing: no file '{image}'{hint}")
        labels, masks = self._labels(root, entry, self.tasks if tasks is None else tasks)
        return {"img_path": str(image), "label_paths": labels, "mask_paths": masks}

    def prepared(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Items with slow label forms decoded, and only those with the required content."""
        self._warn_of_absent_tasks(items)
        self._decode_slow_forms(items)
        return self._with_content(items)

    def _warn_of_absent_tasks(self, items: Sequence[dict[str, Any]]) -> None:
        for task, spec in self.task_specs.items():
            if any(item["label_paths"][task] is not None for item in items):
                continue
            where = f"folder {', '.join(spec.source.folders)}"
            if spec.coco:
                where = f"'{spec.coco}', whose images are called '{next(iter(self._drawn[task]), None)}', …"
            print_log(f"no image of the split has a label of task '{task}': {where}", "current", logging.WARNING)

    def _check_labels(self, root: Path, specs: Sequence[TaskSpec]) -> None:
        for spec in specs:
            if not spec.optional and not spec.coco:
                self._check_source(root, spec)
        drawn = [spec for spec in specs if spec.coco]
        self._drawn = {spec.name: coco_labels(root / spec.coco, spec.classes, spec.name) for spec in drawn}

    def _check_source(self, root: Path, spec: TaskSpec) -> None:
        folders = [root / folder for folder in spec.source.folders]
        if not any(folder.is_dir() for folder in folders):
            self._check_folder(folders[0], f"label folder of task '{spec.name}'")
        if spec.mask is not None:
            self._check_folder(root / spec.mask.folders[0], f"mask folder of task '{spec.name}'")

    def _check_folder(self, folder: Path, what: str) -> None:
        if folder.is_dir():
            return
        hint = f" {self.how_to_get.rstrip('.')}." if self.how_to_get else ""
        raise FileNotFoundError(
            f"{what} '{folder.absolute()}' does not exist.{hint} Configs look in 'data/' of the working "
            f"directory; set {DATA_ROOT_VARIABLE} to look elsewhere "
            f"(now {os.environ.get(DATA_ROOT_VARIABLE, 'not set')})."
        )

    def _labels(
        self, root: Path, name: str, tasks: Sequence[str]
    ) -> tuple[dict[str, str | CocoLabel | None], dict[str, str]]:
        """Labels and masks of an image by task."""
        labels: dict[str, str | CocoLabel | None] = {}
        masks: dict[str, str] = {}
        for task in tasks:
            spec = self.task_specs[task]
            labels[task] = _coco_label(self._drawn[task], spec, name) if spec.coco else _label_path(root, spec, name)
            if spec.mask is not None and labels[task] is not None:
                masks[task] = _existing(root, spec.mask, name, f"mask for task '{task}'")
        return labels, masks

    def _decode_slow_forms(self, items: Sequence[dict[str, Any]]) -> None:
        """Puts cached PNGs in the place of files that are slow to decode."""
        for task, spec in self.task_specs.items():
            if spec.source.cached and not spec.coco:
                self._cache(spec.source, items, "label_paths", task)
                spec = replace(spec, source=LabelSource(spec.source.folders))
            if spec.mask is not None and spec.mask.cached:
                self._cache(spec.mask, items, "mask_paths", task)
                spec = replace(spec, mask=LabelSource(spec.mask.folders))
            self.task_specs[task] = spec

    def _cache(self, source: LabelSource, items: Sequence[dict[str, Any]], key: str, task: str) -> None:
        chosen = [item for item in items if item[key].get(task) is not None]
        assert source.decoder is not None
        paths = cached_labels([Path(item[key][task]) for item in chosen], source.decoder, self.cache_dir)
        for item, path in zip(chosen, paths, strict=True):
            item[key][task] = str(path)

    def _with_content(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not self.require:
            return items
        specs = [self.task_specs[task] for task in self.require]
        answers = images_with_content(items, specs, self.cache_dir / "content")
        kept = [item for item, answer in zip(items, answers, strict=True) if answer]
        if not kept:
            raise ValueError(f"no image of split '{self.ann_file}' has content for all of require={self.require}")
        return kept


def _checked_requirement(require: Sequence[str], tasks: Mapping[str, Any]) -> tuple[str, ...]:
    unknown = [task for task in require if task not in tasks]
    if unknown or isinstance(require, str):
        raise ValueError(f"require={require!r} must list tasks of {list(tasks)}")
    return tuple(require)


def _coco_label(drawn: Mapping[str, CocoLabel], spec: TaskSpec, name: str) -> CocoLabel | None:
    if name not in drawn and not spec.optional:
        raise FileNotFoundError(
            f"image '{name}' has no label for task '{spec.name}': it is not among the images of '{spec.coco}' "
            "(declare the task optional=True if labels may be missing)"
        )
    return drawn.get(name)


def _label_path(root: Path, spec: TaskSpec, name: str) -> str | None:
    if spec.optional and spec.source.find(root, name) is None:
        return None
    return _existing(root, spec.source, name, f"label for task '{spec.name}'", "optional=True")


def _existing(root: Path, source: LabelSource, name: str, what: str, remedy: str = "") -> str:
    path = source.find(root, name)
    if path is None:
        looked = "' nor '".join(str(path) for path in source.candidates(root, name))
        hint = f" (declare the task {remedy} if labels may be missing)" if remedy else ""
        raise FileNotFoundError(f"image '{name}' has no {what}: no file '{looked}'{hint}")
    return str(path)
