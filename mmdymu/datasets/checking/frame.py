"""One image and its labels, opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..base import BaseMultiTaskDataset
from ..loading import apply_mask, label_name, read_label, read_mask, size_mismatch
from ..task_spec import TaskSpec
from ..transforms import LoadImageFromArray
from .statistics import LabelStatistics

_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


@dataclass
class FrameReport:
    """What was found about one image.

    Attributes:
        path: The image's file; '' if it is missing.
        labels: By task, the file or the annotation that is its label.
        size: (height, width); None if the image was not opened.
        problems: One line each.
        resized: Labels of another size than the image, which is allowed.
        statistics: By task, of the labels that were opened.
    """

    path: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    problems: list[str] = field(default_factory=list)
    resized: list[str] = field(default_factory=list)
    statistics: dict[str, LabelStatistics] = field(default_factory=dict)


def check_frame(dataset: BaseMultiTaskDataset, work: tuple[Any, bool]) -> FrameReport:
    """Looks for the files of an entry, and opens them.

    Args:
        dataset: Its ``check_folders`` was called; nothing else needs to be loaded.
        work: The entry, and whether its files are opened.
    """
    entry, opened = work
    report = FrameReport()
    try:
        report.path = dataset.item(entry, ())["img_path"]
        if opened:
            report.size = _image_size(Path(report.path))
    except (OSError, ValueError) as error:
        report.problems.append(str(error))
        return report
    for task in dataset.tasks:
        try:
            _check_label(dataset, entry, task, report)
        except (OSError, ValueError) as error:
            report.problems.append(str(error))
    return report


def _check_label(dataset: BaseMultiTaskDataset, entry: Any, task: str, report: FrameReport) -> None:
    spec, item = dataset.task_specs[task], dataset.item(entry, (task,))
    label, mask = item["label_paths"][task], item.get("mask_paths", {}).get(task)
    if label is None:
        report.statistics[task] = LabelStatistics(missing=1)
        return
    report.labels[task] = label if isinstance(label, str) else f"{Path(dataset.data_root) / spec.coco}, {label.image}"
    if report.size is not None:
        if isinstance(label, str) and Path(label).suffix.lower() in _IMAGES:
            _check_whole(Path(label), label_name(label, spec))
        array = read_label(label, spec)
        _check_size(array, label_name(label, spec), spec, report)
        if mask is not None and spec.mask is not None:
            _apply(read_mask(mask, spec.mask, task), array, f"mask file '{mask}' of task '{task}'", spec, report)
        report.statistics[task] = LabelStatistics.of(array, spec)


def _apply(mask: np.ndarray, label: np.ndarray, name: str, spec: TaskSpec, report: FrameReport) -> None:
    _check_size(mask, name, spec, report)
    if mask.shape[:2] == label.shape[:2]:
        apply_mask(mask, label, spec)


def _image_size(path: Path) -> tuple[int, int]:
    if path.suffix == ".npy":
        height, width = LoadImageFromArray()({"img_path": str(path)})["img_shape"]
        return height, width
    width, height = _check_whole(path, f"image file '{path}'")
    return height, width


def _check_whole(path: Path, name: str) -> tuple[int, int]:
    """Width and height of an image file that can be read to its end; OpenCV fills what is cut off with grey.

    They are those that OpenCV sees, which turns an image as its EXIF tag says.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return ImageOps.exif_transpose(image).size
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"{name} cannot be read: {error}") from error


def _check_size(array: np.ndarray, name: str, spec: TaskSpec, report: FrameReport) -> None:
    assert report.size is not None
    if array.shape[:2] == report.size:
        return
    if not spec.resize:
        raise size_mismatch(array, name, report.path, report.size)
    report.resized.append(name)
