"""Draws all tasks of an image into one picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from mmengine.dist import master_only
from mmengine.structures import BaseDataElement
from mmengine.visualization import Visualizer

from mmdymu.registry import VISUALIZERS
from mmdymu.task_meta import task_meta

from .layout import captioned, grid, legend
from .task_view import TaskView, view_task

__all__ = ["MultiTaskVisualizer"]

# Small images are enlarged to this height, so that captions can be read.
MIN_HEIGHT = 192


@VISUALIZERS.register_module()
class MultiTaskVisualizer(Visualizer):
    """One picture an image: the input and every prediction, and below them the legend and every label.

    Classes are drawn over the image, depth by a colour map whose range in metres the caption tells, normals
    as RGB, edges and saliency as grey. Names and colours come from ``dataset_meta``, see
    :func:`~mmdymu.task_meta`. Works with mmseg's SegVisualizationHook and with this package's
    MultiTaskVisualizationHook. Arguments: mmengine's Visualizer.
    """

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: BaseDataElement | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0.0,
        out_file: str | None = None,
        step: int = 0,
    ) -> None:
        """Draws an image with predictions and labels into a window, a file or the backends.

        Args:
            name: Name of the picture.
            image: (H, W, 3) uint8, RGB; labels may have another size.
            data_sample: One sample a task inside. None = the image alone.
            draw_gt: Draw labels.
            draw_pred: Draw predictions.
            show: Open a window instead of storing the picture.
            wait_time: Seconds that the window stays, 0 = until a key is pressed.
            out_file: Store the picture here instead of in the backends.
            step: Number of the picture.
        """
        picture = self.draw(image, data_sample, draw_gt, draw_pred)
        if show:
            self.show(picture, win_name=name, wait_time=wait_time)
        elif out_file is not None:
            write_png(out_file, picture)
        else:
            self.add_image(name, picture, step)

    def draw(
        self,
        image: np.ndarray,
        data_sample: BaseDataElement | None,
        draw_gt: bool = True,
        draw_pred: bool = True,
    ) -> np.ndarray:
        """The picture alone. Arguments: :meth:`add_datasample`.

        Returns:
            (H, W, 3) uint8, RGB.
        """
        size = panel_size(image)
        views = self.views(image, data_sample)
        top, bottom = [captioned(image, "input", size)], [self.legend_cell(views, size)]
        for task, view in views.items():
            note = f" {view.note}" if view.note else ""
            top.append(captioned(view.prediction, f"{task} predicted{note}", size))
            bottom.append(captioned(view.label, f"{task} label{note}", size))
        rows = [top] * draw_pred + [bottom] * draw_gt
        return grid(rows if rows and views else [top[:1]])

    def views(self, image: np.ndarray, data_sample: BaseDataElement | None) -> dict[str, TaskView]:
        """What can be drawn, by task, in the order of ``dataset_meta['tasks']`` or else of the alphabet."""
        found = {}
        for task in self.task_order(() if data_sample is None else data_sample.keys()):
            inner = data_sample.get(task) if data_sample is not None else None
            if isinstance(inner, BaseDataElement):
                meta = [task_meta(self.dataset_meta, task, key) for key in ("classes", "palette")]
                view = view_task(inner, image, *meta)
                if view is not None:
                    found[task] = view
        return found

    def task_order(self, present: Iterable[str]) -> list[str]:
        """The tasks of a sample; a sample itself keeps no order."""
        order = list((self.dataset_meta or {}).get("tasks", ()))
        return sorted(present, key=lambda task: (order.index(task) if task in order else len(order), task))

    def legend_cell(self, views: dict[str, TaskView], size: tuple[int, int]) -> np.ndarray:
        """Classes that occur, of all tasks."""
        entries = [
            (f"{task} {name}" if sum(bool(v.legend) for v in views.values()) > 1 else name, colour)
            for task, view in views.items()
            for name, colour in view.legend
        ]
        return captioned(legend(entries, size) if entries else None, "classes" if entries else "", size)


def panel_size(image: np.ndarray) -> tuple[int, int]:
    """Height and width of every panel: the image's, enlarged by a whole number if it is small."""
    factor = max(-(-MIN_HEIGHT // image.shape[0]), 1)
    return image.shape[0] * factor, image.shape[1] * factor


def write_png(path: str, picture: np.ndarray) -> None:
    """Writes an RGB picture, with missing folders."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(path, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
        raise OSError(f"could not write the picture {path!r}.")
