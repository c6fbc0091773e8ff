from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_datasets.dataset_files import CLASSES, LOAD, TASKS, known_arrays, write_data_set, write_image

from mmdymu.datasets import MultiTaskDataset
from mmdymu.registry import DATASETS


def test_every_label_equals_what_was_written(tmp_path: Path) -> None:
    dataset = MultiTaskDataset(**write_data_set(tmp_path), pipeline=LOAD)
    assert len(dataset) == 3
    for index in range(3):
        item, known = dataset[index], known_arrays(index)
        stored = known["depth"].astype(float)
        vectors = known["normals"] / 127.5 - 1
        units = vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
        units[np.linalg.norm(vectors, axis=2) < 0.1] = 0
        assert (item["img"] == known["images"][..., ::-1]).all()  # OpenMMLab keeps BGR
        assert (item["gt_semseg"] == known["semseg"]).all()
        np.testing.assert_allclose(item["gt_depth"], np.where(stored > 0, stored * 0.04 + 0.02, 0), rtol=1e-5)
        np.testing.assert_allclose(item["gt_normals"], units, atol=1e-5)
        assert item["seg_fields"] == ["gt_semseg", "gt_depth", "gt_normals"]
        assert item["task_kinds"] == {"semseg": "label", "depth": "depth", "normals": "normals"}


def test_metainfo_and_order(tmp_path: Path) -> None:
    arguments = write_data_set(tmp_path)
    arguments["tasks"] = {name: TASKS[name] for name in ("normals", "semseg")}
    dataset = DATASETS.build({"type": "MultiTaskDataset", "metainfo": {"origin": "made"}, **arguments})
    assert dataset.tasks == tuple(dataset.metainfo["tasks"]) == ("normals", "semseg")
    assert dataset.metainfo["tasks"]["semseg"]["classes"] == CLASSES
    assert len(dataset.metainfo["tasks"]["semseg"]["palette"]) == len(CLASSES)
    assert dataset.metainfo["origin"] == "made"


def test_subset_and_pickling(tmp_path: Path) -> None:
    dataset = MultiTaskDataset(**write_data_set(tmp_path), indices=2, pipeline=LOAD)
    copy = pickle.loads(pickle.dumps(dataset))  # what a spawned loader process gets
    assert len(copy) == 2
    assert (copy[1]["gt_semseg"] == dataset[1]["gt_semseg"]).all()


def test_optional_task_without_file(tmp_path: Path) -> None:
    arguments = write_data_set(tmp_path)
    arguments["tasks"] = {**TASKS, "depth": {**TASKS["depth"], "optional": True}}
    (tmp_path / "depth" / "0001.png").unlink()
    dataset = MultiTaskDataset(**arguments, pipeline=LOAD)
    assert not dataset[1]["gt_depth"].any()
    assert dataset[1]["has_label"] == {"semseg": True, "depth": False, "normals": True}
    assert dataset[0]["has_label"]["depth"]


def test_nothing_is_read_when_lazy() -> None:
    MultiTaskDataset(TASKS, ann_file="train.txt", data_root="nowhere", lazy_init=True)


def test_missing_data_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        MultiTaskDataset(TASKS, "train.txt", data_root=str(tmp_path / "frames"), how_to_get="Ask the authors.")
    for word in (str(tmp_path / "frames"), "Ask the authors.", "MMDYMU_DATA_ROOT"):
        assert word in str(error.value)


def test_missing_label_folder(tmp_path: Path) -> None:
    arguments = write_data_set(tmp_path)
    arguments["tasks"] = {**TASKS, "edges": {"kind": "label", "classes": ("no", "yes")}}
    with pytest.raises(FileNotFoundError, match=r"label folder of task 'edges' '.*edges' does not exist"):
        MultiTaskDataset(**arguments)


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("train.txt", ["split file", "train.txt"]),
        ("images/0001.png", ["image '0001'", "images"]),
        ("depth/0002.png", ["image '0002'", "task 'depth'", "optional"]),
    ],
)
def test_missing_file(tmp_path: Path, gone: str, words: list[str]) -> None:
    arguments = write_data_set(tmp_path)
    (tmp_path / gone).unlink()
    with pytest.raises(FileNotFoundError) as error:
        MultiTaskDataset(**arguments)
    assert all(word in str(error.value) for word in words)


def test_empty_split(tmp_path: Path) -> None:
    arguments = write_data_set(tmp_path)
    (tmp_path / "train.txt").write_text("\n\n")
    with pytest.raises(ValueError, match=r"train\.txt.*names no image"):
        MultiTaskDataset(**arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tasks": {}}, "tasks is empty"),
        ({"tasks": None}, "tasks is empty"),
        ({"img": {"dir": "x"}}, "dir"),
    ],
)
def test_wrong_arguments(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MultiTaskDataset(**{**write_data_set(tmp_path), **options})


def test_label_of_another_size(tmp_path: Path) -> None:
    dataset = MultiTaskDataset(**write_data_set(tmp_path), pipeline=LOAD)
    write_image(tmp_path / "depth" / "0001.png", np.ones((3, 4), np.uint8))
    with pytest.raises(ValueError) as error:
        dataset[1]
    for word in ("depth/0001.png", "'depth'", "3x4", "images/0001.png", "6x8"):
        assert word in str(error.value)


def test_label_outside_the_classes_names_the_file(tmp_path: Path) -> None:
    dataset = MultiTaskDataset(**write_data_set(tmp_path), pipeline=LOAD)
    write_image(tmp_path / "semseg" / "0002.png", np.full((6, 8), 77, np.uint8))
    with pytest.raises(ValueError, match=r"semseg/0002\.png.*77 is outside the 3 classes"):
        dataset[2]


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    dataset = MultiTaskDataset(**write_data_set(tmp_path), pipeline=LOAD)
    (tmp_path / "images" / "0001.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"0001\.png' cannot be read.*check_dataset"):
        dataset[1]


def test_ids_have_no_suffix_and_no_byte_order_mark(tmp_path: Path) -> None:
    arguments = write_data_set(tmp_path)
    (tmp_path / "train.txt").write_text("\ufeff0001\n", encoding="utf-8")
    assert len(MultiTaskDataset(**arguments)) == 1
    (tmp_path / "train.txt").write_text("0001.png\n")
    with pytest.raises(FileNotFoundError, match="ids have no suffix"):
        MultiTaskDataset(**arguments)
