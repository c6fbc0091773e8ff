from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as masks
from test_datasets.dataset_files import LOAD, write_image

from mmdymu.datasets import MultiTaskDataset, multi_task_dataset
from mmdymu.datasets.coco import coco_labels

HEIGHT, WIDTH = 8, 10
CLASSES = ("background", "cat", "dog")


def box(left: int, top: int, right: int, bottom: int) -> list[list[float]]:
    return [[left, top, right, top, right, bottom, left, bottom]]


def drawn_box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def rle(mask: np.ndarray) -> dict[str, Any]:
    encoded = masks.encode(np.asfortranarray(mask))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


def plain_rle(mask: np.ndarray) -> dict[str, Any]:
    """Run lengths by hand: columns first, zeros first."""
    counts, value, length = [], 0, 0
    for pixel in mask.flatten(order="F"):
        if pixel != value:
            counts.append(length)
            value, length = pixel, 0
        length += 1
    return {"size": list(mask.shape), "counts": [*counts, length]}


def write(path: Path, *annotations: dict[str, Any]) -> Path:
    content = {
        "images": [{"id": 7, "file_name": "a.jpg", "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}, {"id": 5, "name": "aeroplane"}],
        "annotations": [{"image_id": 7, "area": 1, "iscrowd": 0, **annotation} for annotation in annotations],
    }
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("form", [lambda _: box(2, 1, 6, 5), rle, plain_rle], ids=["polygon", "rle", "plain rle"])
def test_every_form_draws_the_same(tmp_path: Path, form: Any) -> None:
    mask = drawn_box(2, 1, 6, 5)
    path = write(tmp_path / "x.json", {"category_id": 18, "segmentation": form(mask)})
    assert (coco_labels(path, CLASSES, "semseg")["a"].draw() == 2 * mask).all()


def test_small_objects_cover_large_ones_whatever_their_order(tmp_path: Path) -> None:
    large = {"category_id": 17, "area": 48, "segmentation": box(1, 1, 9, 7)}
    small = {"category_id": 18, "area": 4, "segmentation": box(3, 3, 5, 5)}
    for order in ((large, small), (small, large)):
        labels = coco_labels(write(tmp_path / "x.json", *order), CLASSES, "semseg")["a"].draw()
        assert (labels == np.maximum(drawn_box(1, 1, 9, 7), 2 * drawn_box(3, 3, 5, 5))).all()


def test_crowds_are_ignored_unless_an_object_covers_them(tmp_path: Path) -> None:
    crowd = {"category_id": 17, "area": 1, "iscrowd": 1, "segmentation": plain_rle(drawn_box(0, 0, 6, 8))}
    dog = {"category_id": 18, "area": 99, "segmentation": box(4, 0, 8, 8)}
    labels = coco_labels(write(tmp_path / "x.json", dog, crowd), CLASSES, "semseg")["a"].draw()
    assert labels[0].tolist() == [255] * 4 + [2] * 4 + [0] * 2


def test_without_a_background_class_the_rest_is_ignored(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", {"category_id": 18, "segmentation": box(0, 0, 5, 8)})
    labels = coco_labels(path, ("dog", "cat"), "semseg")["a"].draw()
    assert labels[0].tolist() == [0] * 5 + [255] * 5


def test_categories_that_are_no_class_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", {"category_id": 5, "segmentation": box(0, 0, 5, 8)})
    assert not coco_labels(path, CLASSES, "semseg")["a"].draw().any()


def test_refuses_what_is_wrong(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", {"category_id": 18, "segmentation": [[1, 2, 3, 4]]})
    with pytest.raises(ValueError, match="three points"):
        coco_labels(path, CLASSES, "semseg")["a"].draw()
    wrong = {"size": [3, 3], "counts": [9]}
    path = write(tmp_path / "x.json", {"category_id": 18, "segmentation": wrong})
    with pytest.raises(ValueError, match=r"RLE mask of size \[3, 3\]"):
        coco_labels(path, CLASSES, "semseg")["a"].draw()
    with pytest.raises(ValueError, match=r"aeroplane.*none is a class of task 'semseg'"):
        coco_labels(path, ("background", "horse"), "semseg")
    with pytest.raises(FileNotFoundError, match=r"none\.json' of task 'semseg'"):
        coco_labels(tmp_path / "none.json", CLASSES, "semseg")
    for content in ("{", "[]", '{"images": []}'):
        path.write_text(content)
        with pytest.raises(ValueError, match="not in the COCO format"):
            coco_labels(path, CLASSES, "semseg")


def data_set(root: Path, **changes: Any) -> MultiTaskDataset:
    task = {"kind": "label", "coco": "x.json", "classes": CLASSES, **changes}
    return MultiTaskDataset({"semseg": task}, img={"suffix": ".jpg"}, data_root=str(root), pipeline=LOAD)


def test_as_a_source_of_a_data_set(tmp_path: Path) -> None:
    write(tmp_path / "x.json", {"category_id": 18, "segmentation": box(2, 1, 6, 5)})
    write_image(tmp_path / "images" / "a.jpg", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert (data_set(tmp_path)[0]["gt_semseg"] == 2 * drawn_box(2, 1, 6, 5)).all()
    write_image(tmp_path / "images" / "b.jpg", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    with pytest.raises(FileNotFoundError, match=r"image 'b' has no label for task 'semseg'.*x\.json"):
        data_set(tmp_path)
    item = data_set(tmp_path, optional=True)[1]
    assert not item["has_label"]["semseg"]
    assert (item["gt_semseg"] == 255).all()
    with pytest.raises(ValueError, match=r"coco and \['folder'\]"):
        data_set(tmp_path, folder="semseg")


def test_another_size_is_named(tmp_path: Path) -> None:
    write(tmp_path / "x.json", {"category_id": 18, "segmentation": box(2, 1, 6, 5)})
    write_image(tmp_path / "images" / "a.jpg", np.zeros((HEIGHT, WIDTH + 1, 3), np.uint8))
    with pytest.raises(ValueError, match=r"image 'a\.jpg' in 'x\.json' of task 'semseg' is 8x10 .* is 8x11"):
        data_set(tmp_path)[0]


def test_a_file_about_other_images_is_warned_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(multi_task_dataset, "print_log", lambda line, *_: lines.append(line))
    write(tmp_path / "x.json", {"category_id": 18, "segmentation": box(2, 1, 6, 5)})
    write_image(tmp_path / "images" / "other.jpg", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    data_set(tmp_path, optional=True)
    assert lines == ["no image of the split has a label of task 'semseg': 'x.json', whose images are called 'a', …"]
