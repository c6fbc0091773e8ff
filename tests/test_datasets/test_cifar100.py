from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmpretrain.datasets.categories import CIFAR100_CATEGORIES
from mmpretrain.structures import DataSample
from test_datasets.cifar_files import COARSE_NAMES, FINE_TO_COARSE, image, split, write, write_cifar

from mmdymu.datasets import CIFAR100Tasks, MultiTaskPad, MultiTaskRandomCrop, MultiTaskRandomFlip, PackMultiTaskInputs
from mmdymu.datasets.cifar_files import CLASSES, FINE_NAMES
from mmdymu.datasets.cifar_files import FINE_TO_COARSE as DERIVED

FINE = (30, 4, 99, 32, 1, 95, 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_cifar(tmp_path / "cifar-100-python", FINE)


def test_the_table_of_classes_is_the_published_one() -> None:
    assert DERIVED == FINE_TO_COARSE
    assert tuple(CIFAR100_CATEGORIES) == FINE_NAMES
    assert tuple(CLASSES) == tuple(COARSE_NAMES)
    assert all(len(names) == 5 for names in CLASSES.values())


def test_every_image_and_label(folder: Path) -> None:
    dataset = CIFAR100Tasks("train", str(folder))
    assert len(dataset) == len(FINE)
    for index, fine in enumerate(FINE):
        item = dataset[index]
        siblings = [other for other in range(100) if FINE_TO_COARSE[other] == FINE_TO_COARSE[fine]]
        assert item["class_labels"] == {COARSE_NAMES[FINE_TO_COARSE[fine]]: siblings.index(fine)}
        assert np.array_equal(item["img"], image(index)[..., ::-1])
        assert item["img"].dtype == np.uint8
        assert item["img_path"].endswith(f"train/image_s_{index:06d}.png")
    assert dataset.image_tasks.tolist() == [FINE_TO_COARSE[fine] for fine in FINE]


def test_tasks_and_their_classes_are_described_before_anything_is_read() -> None:
    tasks = CIFAR100Tasks(data_root="absent", lazy_init=True).metainfo["tasks"]
    assert list(tasks) == COARSE_NAMES
    assert tasks["people"] == {"kind": "class", "classes": ("baby", "boy", "girl", "man", "woman")}


def test_some_tasks(folder: Path) -> None:
    dataset = CIFAR100Tasks("train", str(folder), ["fish", "aquatic_mammals"])
    assert [list(item["class_labels"]) for item in dataset] == [
        [name] for name in ("aquatic_mammals", "aquatic_mammals", "fish", "fish", "aquatic_mammals")
    ]
    assert dataset.image_tasks.tolist() == [1, 1, 0, 0, 1]
    assert list(dataset.metainfo["tasks"]) == ["fish", "aquatic_mammals"]


def test_some_images(folder: Path) -> None:
    dataset = CIFAR100Tasks("train", str(folder), indices=[3, 0])
    assert dataset.image_tasks.tolist() == [1, 0]
    assert np.array_equal(dataset[0]["img"], image(3)[..., ::-1])


def test_a_packed_sample_has_only_its_own_task(folder: Path) -> None:
    pipeline = [MultiTaskPad((40, 40)), MultiTaskRandomCrop((32, 32)), MultiTaskRandomFlip(0.5), PackMultiTaskInputs()]
    packed = CIFAR100Tasks("train", str(folder), pipeline=pipeline)[3]
    assert packed["inputs"].shape == (3, 32, 32)
    assert packed["inputs"].dtype == torch.uint8
    sample = packed["data_samples"]
    assert sample.keys() == ["fish"]
    assert isinstance(sample.fish, DataSample)
    assert sample.fish.gt_label.tolist() == [1]
    assert sample.fish.has_label
    assert sample.fish.img_path == sample.img_path


def test_transforms_do_not_change_the_data_set(folder: Path) -> None:
    dataset = CIFAR100Tasks("train", str(folder))
    dataset[0]["img"][:] = 0
    assert np.array_equal(dataset[0]["img"], image(0)[..., ::-1])


def test_nothing_is_written(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    CIFAR100Tasks("test", str(folder))[0]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_files_of_other_writers(folder: Path, protocol: int) -> None:
    content = {key.encode(): value for key, value in split(FINE).items()}
    content[b"filenames"] = [name.encode() for name in content[b"filenames"]]
    write(folder / "train", content, protocol)
    dataset = CIFAR100Tasks("train", str(folder))
    assert np.array_equal(dataset[2]["img"], image(2)[..., ::-1])
    assert dataset[2]["img_path"].endswith("image_s_000002.png")


@pytest.mark.parametrize("name", ["train", "meta"])
def test_a_missing_file_is_named_with_its_source(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"cifar-100-python/{name}'(.|\n)*kriz/cifar\.html"):
        CIFAR100Tasks("train", str(folder))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": np.zeros((7, 3071), np.uint8)}, r"data must be \(M, 3072\) uint8, it is \(7, 3071\)"),
        ({"data": np.zeros((7, 3072), np.float32)}, "float32"),
        ({"fine_labels": list(FINE[:-1])}, r"fine_labels must be 7 whole numbers, it is \(6,\)"),
        ({"fine_labels": [100, *FINE[1:]]}, r"fine_labels must lie in 0\.\.99, found 0\.\.100"),
        ({"coarse_labels": [20] * 7}, r"coarse_labels must lie in 0\.\.19"),
        ({"coarse_labels": [1] * 7}, r"image 0 has coarse label 1, but its fine label 30 \(dolphin\) belongs to 0"),
        ({"filenames": ["a.png"]}, "1 filenames for 7 images"),
    ],
)
def test_a_damaged_file_is_refused(folder: Path, changes: dict[str, Any], message: str) -> None:
    write(folder / "train", split(FINE, **changes))
    with pytest.raises(ValueError, match=rf"cifar-100-python/train'.*{message}"):
        CIFAR100Tasks("train", str(folder))


def test_half_a_file_is_refused(folder: Path) -> None:
    path = folder / "train"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"train' cannot be read"):
        CIFAR100Tasks("train", str(folder))


def test_an_entry_may_not_be_missing(folder: Path) -> None:
    write(folder / "train", {"data": np.zeros((1, 3072), np.uint8), "labels": [0]})
    with pytest.raises(ValueError, match=r"lacks \['fine_labels', 'coarse_labels'\], it has \['data', 'labels'\]"):
        CIFAR100Tasks("train", str(folder))


def test_other_class_names_are_refused(folder: Path) -> None:
    write(folder / "meta", {"fine_label_names": ["apple", "aeroplane"], "coarse_label_names": COARSE_NAMES})
    with pytest.raises(ValueError, match=r"meta': fine_label_names .* the first that differs is 'aeroplane'"):
        CIFAR100Tasks("train", str(folder))


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("exit 1",)


def test_a_file_cannot_run_anything(folder: Path) -> None:
    write(folder / "train", split(FINE, batch_label=Harmful()))
    with pytest.raises(ValueError, match=r"asks for (posix|nt)\.system"):
        CIFAR100Tasks("train", str(folder))


@pytest.mark.parametrize(
    "options", [{"split": "val"}, {"tasks": ["cats"]}, {"tasks": []}, {"tasks": ["fish", "fish"]}, {"tasks": "fish"}]
)
def test_wrong_options(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}="):
        CIFAR100Tasks(data_root="absent", **options)
