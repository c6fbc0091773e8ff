from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine import Config
from mmengine.registry import init_default_scope
from PIL import Image
from test_datasets.dataset_files import CLASSES, LOAD, TASKS, write_data_set, write_image

from mmdymu.datasets.checking import LabelStatistics, SplitReport, check_config, report_lines
from mmdymu.datasets.task_spec import TaskSpec
from mmdymu.registry import DATASETS


@pytest.fixture(autouse=True)
def scope() -> None:
    init_default_scope("mmdymu")


def config(root: Path, **changes: Any) -> Config:
    """Three training and two test images."""
    train = {"type": "MultiTaskDataset", **write_data_set(root, length=5)}
    (root / "train.txt").write_text("0000\n0001\n0002\n")
    (root / "test.txt").write_text("0003\n0004\n")
    test = {"dataset": {**train, "ann_file": "test.txt"}}
    return Config(
        {
            "data_root": str(root),
            "train_dataloader": {"dataset": train},
            "val_dataloader": test,
            "test_dataloader": test,
            **changes,
        }
    )


def problems(reports: list[SplitReport]) -> list[str]:
    return [line for report in reports for line in report.errors]


def test_a_whole_data_set_is_clean(tmp_path: Path) -> None:
    release = {"train": 3, "val": 2, "files": {"depth/*.png": 5}}
    reports = check_config(config(tmp_path, release=release), num_workers=0)
    assert [(report.name, report.images, report.opened) for report in reports] == [
        ("train", 3, 3),
        ("val = test", 2, 2),
    ]
    assert problems(reports) == []
    assert [line for report in reports for line in report.warnings] == []


def test_statistics_are_those_of_all_pixels(tmp_path: Path) -> None:
    report = check_config(config(tmp_path), num_workers=0)[0]
    stored = [cv2.imread(str(tmp_path / "semseg" / f"000{i}.png"), cv2.IMREAD_UNCHANGED) for i in range(3)]
    semseg = report.statistics["semseg"]
    for value in (0, 1, 2, 255):
        assert semseg.histogram[value] == sum((label == value).sum() for label in stored)
    assert semseg.pixels == 3 * 6 * 8
    assert semseg.valid == semseg.pixels - semseg.histogram[255]
    depth = np.stack([cv2.imread(str(tmp_path / "depth" / f"000{i}.png"), cv2.IMREAD_UNCHANGED) for i in range(3)])
    metres = depth[depth > 0] * 0.04 + 0.02
    assert report.statistics["depth"].valid == metres.size
    assert report.statistics["depth"].low == pytest.approx(metres.min())
    assert report.statistics["depth"].high == pytest.approx(metres.max())
    assert report.sizes == {(6, 8): 3}


def test_heads_of_other_classes_are_errors(tmp_path: Path) -> None:
    heads = {"semseg": {"type": "FCNHead", "num_classes": 3}, "depth": {"type": "DepthHead"}}
    assert problems(check_config(config(tmp_path, model={"heads": heads}), num_workers=0)) == []
    heads["semseg"]["num_classes"] = 2
    found = problems(check_config(config(tmp_path, model={"heads": heads}), num_workers=0))
    assert len(found) == 2, "one for each split"
    assert "task 'semseg': the data set has 3 classes, the head num_classes=2: set model.heads.semseg" in found[0]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def to_floats(path: Path) -> None:
    path.unlink()
    assert cv2.imwrite(str(path.with_suffix(".tiff")), np.full((6, 8), 0.5, np.float32))
    path.with_suffix(".tiff").rename(path)


DAMAGE: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "truncated image": ("images/0001.png", truncate, r"image file '.*0001\.png' cannot be read"),
    "no image": ("images/0001.png", lambda path: path.write_text("x"), r"image file '.*0001\.png' cannot be read"),
    "truncated label": ("depth/0001.png", truncate, r"depth/0001\.png' of task 'depth' cannot be read"),
    "wrong size": (
        "normals/0001.png",
        lambda path: write_image(path, np.zeros((6, 9, 3), np.uint8)),
        r"normals/0001\.png' of task 'normals' is 6x9 .* is 6x8",
    ),
    "out of range": (
        "semseg/0001.png",
        lambda path: write_image(path, np.full((6, 8), 9, np.uint8)),
        r"semseg/0001\.png' of task 'semseg': stored value 9 is outside the 3 classes",
    ),
    "floats": ("semseg/0001.png", to_floats, r"semseg/0001\.png' of task 'semseg': stored value 0\.5 is outside"),
    "missing label": ("depth/0001.png", Path.unlink, r"image '0001' has no label for task 'depth'"),
    "missing image": ("images/0001.png", Path.unlink, r"image '0001' of split .* is missing"),
    "three channels": (
        "depth/0001.png",
        lambda path: write_image(path, np.ones((6, 8, 3), np.uint8)),
        r"depth/0001\.png' of task 'depth'.* needs one channel",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named_and_nothing_else(tmp_path: Path, name: str) -> None:
    settings = config(tmp_path)
    file, damage, message = DAMAGE[name]
    damage(tmp_path / file)
    (problem,) = problems(check_config(settings, num_workers=0))
    assert re.search(message, problem), problem


def test_all_damage_is_reported_at_once(tmp_path: Path) -> None:
    settings = config(tmp_path)
    truncate(tmp_path / "images" / "0000.png")
    (tmp_path / "depth" / "0001.png").unlink()
    (tmp_path / "semseg" / "0001.png").unlink()
    truncate(tmp_path / "normals" / "0004.png")
    assert [len(report.errors) for report in check_config(settings, num_workers=0)] == [3, 1]


def test_files_are_looked_for_also_where_they_are_not_opened(tmp_path: Path) -> None:
    settings = config(tmp_path)
    (tmp_path / "depth" / "0001.png").unlink()
    truncate(tmp_path / "images" / "0001.png")
    train = check_config(settings, samples=2, num_workers=0)[0]
    assert train.opened == 2
    assert len(train.errors) == 1
    assert "no label for task 'depth'" in train.errors[0]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("test.txt", "", "names no image"),
        ("test.txt", "0000\n0003\n", "val = test shares 1 images with train: 0000.png"),
        ("test.txt", "0003\n0003\n", "is listed 2 times"),
        ("train.txt", None, "does not exist"),
    ],
)
def test_splits(tmp_path: Path, file: str, content: str | None, message: str) -> None:
    settings = config(tmp_path)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(content)
    (problem,) = problems(check_config(settings, num_workers=0))
    assert message in problem


def config_of_split_folders(root: Path) -> Config:
    """As mmseg lays data out: sub-folders for the splits, in which file names repeat."""
    for split in ("train", "val"):
        write_data_set(root / split, length=2)
        for folder in ("images", "semseg", "depth"):
            (root / folder).mkdir(exist_ok=True)
            (root / split / folder).rename(root / folder / split)
    tasks = {
        "semseg": {**TASKS["semseg"], "folder": "semseg/train"},
        "depth": {**TASKS["depth"], "folder": "depth/train"},
    }
    shared = {"type": "MultiTaskDataset", "data_root": str(root)}
    train = {**shared, "tasks": tasks, "img": {"folder": "images/train", "suffix": ".png"}}
    val = {**shared, "tasks": copy.deepcopy(tasks), "img": {"folder": "images/val", "suffix": ".png"}}
    return Config({"train_dataloader": {"dataset": train}, "val_dataloader": {"dataset": val}})


def test_labels_that_belong_to_another_split_are_errors(tmp_path: Path) -> None:
    settings = config_of_split_folders(tmp_path)
    settings.val_dataloader.dataset.tasks.depth.folder = "depth/val"
    (problem,) = problems(check_config(settings, num_workers=0))
    assert problem.startswith("val takes 2 of its labels from other images, of train: ")
    label = re.escape(str(tmp_path / "semseg" / "train" / "0000.png"))
    assert re.search(
        rf"'{label}' is the label of task 'semseg' for .*images/train/0000\.png' and for .*images/val", problem
    )
    assert "tasks.semseg.folder" in problem
    settings.val_dataloader.dataset.tasks.semseg.folder = "semseg/val"
    assert problems(check_config(settings, num_workers=0)) == []


def test_annotations_that_belong_to_another_split_are_errors(tmp_path: Path) -> None:
    settings = config_of_split_folders(tmp_path)
    sizes = [{"id": index, "file_name": f"000{index}.png", "height": 6, "width": 8} for index in range(2)]
    content = {"images": sizes, "annotations": [], "categories": [{"id": 1, "name": "lamp"}]}
    (tmp_path / "lamps.json").write_text(json.dumps(content))
    tasks = {"lamps": {"kind": "label", "classes": ("background", "lamp"), "coco": "lamps.json"}}
    for loader in (settings.train_dataloader, settings.val_dataloader):
        loader.dataset.tasks = tasks
    (problem,) = problems(check_config(settings, num_workers=0))
    assert "lamps.json, 0000.png' is the label of task 'lamps' for" in problem


def test_a_missing_folder(tmp_path: Path) -> None:
    settings = config(tmp_path)
    (tmp_path / "depth").rename(tmp_path / "elsewhere")
    assert all("label folder of task 'depth'" in line for line in problems(check_config(settings, num_workers=0)))


def test_other_numbers_than_the_release_are_warnings(tmp_path: Path) -> None:
    settings = config(tmp_path, release={"train": 795, "val": 2, "files": {"images/*.png": 10}})
    reports = check_config(settings, num_workers=0)
    assert problems(reports) == []
    assert reports[0].warnings[0] == "train has 3 images, the release has 795"
    assert "matches 5 files, the release has 10" in reports[0].warnings[1]
    assert reports[1].warnings == []


def test_optional_labels_are_counted(tmp_path: Path) -> None:
    settings = config(tmp_path)
    settings.train_dataloader.dataset.tasks = {**TASKS, "depth": {**TASKS["depth"], "optional": True}}
    (tmp_path / "depth" / "0001.png").unlink()
    report = check_config(settings, num_workers=0)[0]
    assert (report.statistics["depth"].labels, report.statistics["depth"].missing) == (2, 1)
    assert "2 labels, 1 images without" in "\n".join(report_lines(report))


def test_labels_that_say_nothing_are_warned_about(tmp_path: Path) -> None:
    settings = config(tmp_path)
    for index in range(3):
        write_image(tmp_path / "semseg" / f"000{index}.png", np.full((6, 8), 255, np.uint8))
    report = check_config(settings, num_workers=0)[0]
    assert report.warnings == ["no opened label of task 'semseg' has a valid pixel"]


def test_many_workers_find_the_same(tmp_path: Path) -> None:
    root = tmp_path / "big"
    options = {"type": "MultiTaskDataset", **write_data_set(root, length=40)}
    truncate(root / "images" / "0033.png")
    settings = Config({"train_dataloader": {"dataset": options}})
    alone, together = (check_config(settings, num_workers=workers)[0] for workers in (0, 2))
    assert alone.errors == together.errors != []
    assert list(report_lines(alone)) == list(report_lines(together))


def test_refuses_configs_without_data() -> None:
    with pytest.raises(ValueError, match="train_dataloader"):
        check_config(Config({}))


def test_lines_name_classes_and_ranges() -> None:
    spec = TaskSpec.from_config("semseg", {"kind": "label", "classes": CLASSES})
    statistics = LabelStatistics.of(np.array([[0, 0, 0, 2], [255, 255, 255, 255]], np.uint8), spec)
    depth = TaskSpec.from_config("depth", TASKS["depth"])
    report = SplitReport(
        "train",
        {"semseg": spec, "depth": depth},
        images=7,
        opened=1,
        statistics={"semseg": statistics, "depth": LabelStatistics.of(np.array([[0, 1.5, 2.25]], np.float32), depth)},
        errors=["a"],
        warnings=["b"],
    )
    text = "\n".join(report_lines(report))
    assert "train: 7 images, 1 opened" in text
    assert "1 labels, 50.0% of the pixels valid" in text
    assert "floor 75.0%, lamp 25.0%" in text
    assert "do not occur: wall" in text
    assert "metres from 1.500 to 2.250" in text
    assert text.endswith("warning: b\n  error: a")
    assert LabelStatistics().low == math.inf


def test_images_are_turned_as_their_tag_says(tmp_path: Path) -> None:
    settings = config(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6  # A quarter turn: 8x6 as stored, 6x8 as seen.
    Image.fromarray(np.zeros((8, 6, 3), np.uint8)).save(tmp_path / "images" / "0001.jpg", exif=exif)
    (tmp_path / "images" / "0001.jpg").rename(tmp_path / "images" / "0001.png")
    assert problems(check_config(settings, num_workers=0)) == []
    assert DATASETS.build({**settings.train_dataloader.dataset, "pipeline": LOAD})[1]["img"].shape == (6, 8, 3)


def test_a_task_without_any_label_is_warned_about(tmp_path: Path) -> None:
    settings = config(tmp_path)
    settings.train_dataloader.dataset.tasks = {
        **TASKS,
        "depth": {**TASKS["depth"], "optional": True, "folder": "dpeth"},
    }
    assert check_config(settings, num_workers=0)[0].warnings == [
        "no image has a label of task 'depth': is its folder right?"
    ]


def test_labels_of_another_size_are_warned_about_where_they_are_allowed(tmp_path: Path) -> None:
    settings = config(tmp_path)
    settings.train_dataloader.dataset.tasks = {**TASKS, "depth": {**TASKS["depth"], "resize": True}}
    write_image(tmp_path / "depth" / "0002.png", np.ones((3, 4), np.uint8))
    train = check_config(settings, num_workers=0)[0]
    assert train.errors == []
    assert "1 labels have another size than their images" in train.warnings[0]
    assert "0002.png" in train.warnings[0]
