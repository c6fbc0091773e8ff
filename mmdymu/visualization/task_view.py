"""What to draw for one task: its prediction and its label, alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from mmengine.structures import BaseDataElement

from .palette import default_palette
from .panels import IGNORE, depth_panel, depth_range, grey_panel, label_panel, normals_panel

__all__ = ["TaskView", "view_task"]


@dataclass(frozen=True)
class TaskView:
    """Pictures of one task.

    Attributes:
        prediction: (H, W, 3) uint8, RGB, or None.
        label: The same for the ground truth.
        note: Added to the captions, such as the range of a colour map.
        legend: Names and RGB colours of the classes that occur, the largest first.
    """

    prediction: np.ndarray | None
    label: np.ndarray | None
    note: str = ""
    legend: tuple[tuple[str, tuple[int, int, int]], ...] = ()


def view_task(
    sample: BaseDataElement,
    image: np.ndarray,
    classes: Sequence[str] | None = None,
    palette: Sequence[Sequence[int]] | None = None,
) -> TaskView | None:
    """Draws a task's sample.

    Args:
        sample: One task's sample; its fields tell what kind of task it is.
        image: (H, W, 3) uint8, RGB, drawn under classes.
        classes: Class names. Default: numbers.
        palette: Class colours, RGB. Default: chosen here.

    Returns:
        The pictures, or None if the sample holds nothing that can be drawn.
    """
    pred, label = read_map(sample, "pred_normals"), read_map(sample, "gt_normals")
    if pred is not None or label is not None:
        return TaskView(*draw_both(normals_panel, pred, label))
    pred, label = read_map(sample, "pred_depth_map"), read_map(sample, "gt_depth_map")
    if pred is not None or label is not None:
        return view_depth(pred, label)
    pred, label = read_map(sample, "pred_sem_seg"), read_map(sample, "gt_sem_seg")
    if pred is None and label is None:
        return None
    logits = read_map(sample, "seg_logits")
    if is_binary(logits, label, classes):
        return TaskView(*draw_both(lambda maps: grey_panel(maps[0]), pred if logits is None else logits, label))
    return view_classes(pred, label, image, classes, palette)


def draw_both(
    draw: Callable[[np.ndarray], np.ndarray],
    pred: np.ndarray | None,
    label: np.ndarray | None,
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Panels of the maps (C, H, W) that are there."""
    return None if pred is None else draw(pred), None if label is None else draw(label)


def read_map(sample: BaseDataElement, field: str) -> np.ndarray | None:
    """(C, H, W) of a field, or None."""
    entry = sample.get(field)
    if entry is None:
        return None
    return entry.data if isinstance(entry.data, np.ndarray) else entry.data.detach().cpu().numpy()


def is_binary(logits: np.ndarray | None, label: np.ndarray | None, classes: Sequence[str] | None) -> bool:
    """Whether a map is one probability: by the prediction, else by the class names, else by the label."""
    if logits is not None:
        return len(logits) == 1
    if classes is not None:
        return len(classes) <= 2
    return label is not None and bool(np.isin(label, (0, 1, IGNORE)).all())


def view_depth(pred: np.ndarray | None, label: np.ndarray | None) -> TaskView:
    """Depth maps under one colour map; the label, if it has a valid pixel, sets its range."""
    present = [maps for maps in (label, pred) if maps is not None]
    limits = depth_range(next((maps for maps in present if (maps > 0).any()), present[0]))
    panels = draw_both(lambda maps: depth_panel(maps[0], limits), pred, label)
    return TaskView(*panels, note=f"{limits[0]:.1f}-{limits[1]:.1f} m")


def view_classes(
    pred: np.ndarray | None,
    label: np.ndarray | None,
    image: np.ndarray,
    classes: Sequence[str] | None,
    palette: Sequence[Sequence[int]] | None,
) -> TaskView:
    """Class maps over the image, with the names of the classes that occur."""
    values = np.concatenate([maps.reshape(-1) for maps in (pred, label) if maps is not None]).astype(np.int64)
    counts = np.bincount(values[(values >= 0) & (values != IGNORE)], minlength=1)
    number = max(len(counts), len(classes or ()))
    colours = default_palette(number) if palette is None else np.asarray(palette, np.uint8)
    names = [*(classes or ()), *map(str, range(len(classes or ()), number))]
    entries = tuple(
        (names[k], (int(colours[k, 0]), int(colours[k, 1]), int(colours[k, 2])))
        for k in np.argsort(-counts, kind="stable")
        if counts[k] and k < len(colours)
    )

    def draw(maps: np.ndarray) -> np.ndarray:
        return label_panel(maps[0].astype(np.int64), colours, fit(image, maps.shape[1:]))

    return TaskView(*draw_both(draw, pred, label), legend=entries)


def fit(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """The image in the height and width of a map."""
    if image.shape[:2] == tuple(size):
        return image
    return cv2.resize(image, (int(size[1]), int(size[0])), interpolation=cv2.INTER_AREA)
