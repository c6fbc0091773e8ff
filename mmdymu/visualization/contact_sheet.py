"""Many images and their labels on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from mmdymu.datasets import BaseMultiTaskDataset, PackMultiTaskInputs
from mmdymu.datasets.transforms import LoadImageFromArray, LoadMultiTaskAnnotations

from .layout import captioned, grid
from .multi_task_visualizer import MultiTaskVisualizer
from .task_view import TaskView, fit, read_map, view_classes

__all__ = ["contact_sheet"]

WIDTH = 320
LABEL_SHARE = 0.6


def contact_sheet(dataset: BaseMultiTaskDataset, entries: Sequence[Any]) -> np.ndarray:
    """A row an image: the image, every label laid over it, and the legend of its classes.

    Args:
        dataset: Its ``check_folders`` was called.
        entries: Of :meth:`BaseMultiTaskDataset.entries`; at least one.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    rows = [_row(dataset, entry) for entry in entries]
    # Rows of one height, so that images of any shape share a sheet.
    size = (round(np.median([image.shape[0] * WIDTH / image.shape[1] for image, _ in rows])), WIDTH)
    visualizer = MultiTaskVisualizer()
    visualizer.dataset_meta = dataset.metainfo
    cells = []
    for image, views in rows:
        shown = [captioned(image, "image", size)]
        for task in dataset.tasks:
            view = views.get(task)
            shown.append(captioned(_overlaid(view, image), f"{task} {view.note}", size) if view else _none(task, size))
        cells.append([*shown, visualizer.legend_cell(views, size)])
    return grid(cells)


def _row(dataset: BaseMultiTaskDataset, entry: Any) -> tuple[np.ndarray, dict[str, TaskView]]:
    info = {**dataset.item(entry), **dataset.task_info()}
    results = LoadMultiTaskAnnotations()(_with_image(info))
    sample = PackMultiTaskInputs()(results)["data_samples"]
    image = np.ascontiguousarray(results["img"][..., ::-1])
    visualizer = MultiTaskVisualizer()
    visualizer.dataset_meta = dataset.metainfo
    views = visualizer.views(image, sample)
    for task, spec in dataset.task_specs.items():
        if spec.kind == "label":  # Masks in colour, too: grey would hide the image.
            label = read_map(sample.get(task), "gt_sem_seg")
            views[task] = view_classes(None, label, image, spec.classes, spec.palette)
    return image, {task: view for task, view in views.items() if sample.get(task).has_label}


def _none(task: str, size: tuple[int, int]) -> np.ndarray:
    return captioned(None, f"{task}: no label", size)


def _with_image(info: dict[str, Any]) -> dict[str, Any]:
    if info["img_path"].endswith(".npy"):
        return {**info, **LoadImageFromArray()(info)}
    image = cv2.imread(info["img_path"])
    assert image is not None, "the data set was checked before"
    return {**info, "img": image, "img_shape": image.shape[:2], "ori_shape": image.shape[:2]}


def _overlaid(view: TaskView, image: np.ndarray) -> np.ndarray | None:
    if view.label is None or view.legend:
        return view.label
    return cv2.addWeighted(view.label, LABEL_SHARE, fit(image, view.label.shape[:2]), 1 - LABEL_SHARE, 0)
