"""Class maps from annotations in the COCO format."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as masks

from .task_spec import BACKGROUND, IGNORE_LABEL


@dataclass(frozen=True)
class CocoLabel:
    """What is drawn in one image.

    Attributes:
        image: File name of the image.
        height: Rows of the map.
        width: Columns of the map.
        empty: Class of pixels without an object: 0 if class 0 is called 'background', else 255.
        objects: (class, segmentation) in drawing order; polygons [x, y, x, y, …] or RLE, compressed or not.
    """

    image: str
    height: int
    width: int
    empty: int
    objects: tuple[tuple[int, Any], ...]

    def draw(self) -> np.ndarray:
        """(H, W) uint8 class map; later objects cover earlier ones.

        Raises:
            ValueError: If a segmentation cannot be read.
        """
        labels = np.full((self.height, self.width), self.empty, np.uint8)
        for label, segmentation in self.objects:
            labels[masks.decode(self._encoded(segmentation)).astype(bool)] = label
        return labels

    def _encoded(self, segmentation: Any) -> dict[str, Any]:
        if isinstance(segmentation, Sequence) and not isinstance(segmentation, str):
            if not segmentation or any(len(polygon) < 6 or len(polygon) % 2 for polygon in segmentation):
                raise ValueError(f"polygons need three points or more, x and y each, got {segmentation!r}")
            return masks.merge(masks.frPyObjects(list(segmentation), self.height, self.width))
        if not isinstance(segmentation, Mapping) or not {"size", "counts"} <= segmentation.keys():
            raise ValueError(f"a segmentation is neither polygons nor RLE (size, counts): {segmentation!r}")
        if list(segmentation["size"]) != [self.height, self.width]:
            raise ValueError(
                f"an RLE mask of size {list(segmentation['size'])} lies in an image of "
                f"{[self.height, self.width]} (height, width)"
            )
        if isinstance(segmentation["counts"], Sequence) and not isinstance(segmentation["counts"], str | bytes):
            return masks.frPyObjects(segmentation, self.height, self.width)
        return dict(segmentation)


def coco_labels(path: Path, classes: Sequence[str], task: str) -> dict[str, CocoLabel]:
    """Class maps of all images of an annotation file, by image id (the file name without its suffix).

    Large objects are drawn first, so that small ones stay visible; ``iscrowd`` regions are ignored (255) unless an
    object covers them.

    Args:
        path: The JSON file: ``images``, ``annotations``, ``categories``.
        classes: Class names of the task; categories are matched by name, others are left out.
        task: Named in errors.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not in the COCO format, or none of its categories is a class.
    """
    if not path.is_file():
        raise FileNotFoundError(f"annotation file '{path.absolute()}' of task '{task}' does not exist")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {item["id"]: classes.index(item["name"]) for item in content["categories"] if item["name"] in classes}
        drawn = _by_image(content["annotations"], known)
        sizes = {
            str(image["file_name"]): (image["id"], int(image["height"]), int(image["width"]))
            for image in content["images"]
        }
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"annotation file '{path}' of task '{task}' is not in the COCO format: {error!r}") from error
    if not known:
        names = [item["name"] for item in content["categories"]]
        raise ValueError(
            f"annotation file '{path}' has the categories {names}, none is a class of task '{task}': {classes}"
        )
    empty = 0 if classes[0] == BACKGROUND else IGNORE_LABEL
    return {
        str(Path(file).with_suffix("")): CocoLabel(file, height, width, empty, tuple(drawn.get(number, ())))
        for file, (number, height, width) in sizes.items()
    }


def _by_image(annotations: Sequence[Mapping[str, Any]], known: Mapping[int, int]) -> dict[Any, list[tuple[int, Any]]]:
    drawn: dict[Any, list[tuple[int, Any]]] = {}
    # Crowds first, then from large to small; the sort keeps the order of equals.
    for item in sorted(annotations, key=lambda item: (not item.get("iscrowd"), -float(item.get("area", 0)))):
        if item["category_id"] in known:
            label = IGNORE_LABEL if item.get("iscrowd") else known[item["category_id"]]
            drawn.setdefault(item["image_id"], []).append((label, item["segmentation"]))
    return drawn
