"""The tutorial, block by block, on files that are made here."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from test_datasets.dataset_files import write_image

from mmdymu.datasets.checking import check_config
from mmdymu.registry import DATASETS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own_data.md").read_text(encoding="utf-8")
SHORT = [
    "train_dataloader.num_workers=0",
    "test_dataloader.num_workers=0",
    "train_dataloader.batch_size=2",
    "default_hooks.checkpoint.interval=100",
]
STAGES = [
    *(f"train_cfg.stages.{name}.max_iters=2" for name in ("trunk", "anchor", "edges", "weights")),
    "train_cfg.stages.edges.objective.images=2",
    "train_cfg.stages.edges.objective.affinity_images=3",
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.S)


def block_of(heading: str, index: int = 0) -> str:
    """A Python block of a section."""
    section = PAGE.split(f"\n## {heading}")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, flags=re.S)[index]


def commands(tool: str) -> list[list[str]]:
    """Arguments of all command lines of a tool; LAST for the newest checkpoint."""
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    return [
        shlex.split(re.sub(r"\$\(cat \S+/last_checkpoint\)", "LAST", line))[2:]
        for line in lines
        if line.startswith(f"python tools/{tool}.py ")
    ]


def write_photos(root: Path) -> None:
    """Four photos; the last has no depth, one object in each."""
    rng = np.random.default_rng(0)
    objects = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "seat"}, {"id": 2, "name": "leg"}]}
    for index in range(4):
        name, height, width = f"{index:04d}", 140 + index, 180
        write_image(root / "images" / f"{name}.jpg", rng.integers(0, 256, (height, width, 3), np.uint8))
        rooms = rng.choice(np.array([0, 1, 2, 255], np.uint8), (height, width))
        write_image(root / "rooms" / f"{name}.png", rooms)
        if index != 3:
            write_image(root / "depth" / f"{name}.png", rng.integers(0, 5000, (height, width)).astype(np.uint16))
        objects["images"].append({"id": index, "file_name": f"{name}.jpg", "height": height, "width": width})
        polygon = [[20, 20, 90, 20, 90, 70, 20, 70]]
        objects["annotations"].append(
            {"image_id": index, "category_id": 1 + index % 2, "area": 3500, "segmentation": polygon}
        )
    (root / "objects.json").write_text(json.dumps(objects))
    (root / "train.txt").write_text("0000\n0001\n0002\n")
    (root / "val.txt").write_text("0003\n")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the tutorial's files."""
    monkeypatch.delenv("MMDYMU_DATA_ROOT", raising=False)
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("MMDYMU_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "configs" / "_base_", tmp_path / "configs" / "_base_")
    write_photos(tmp_path / "data" / "photos")
    (tmp_path / "configs" / "own").mkdir()
    (tmp_path / "configs" / "own" / "photos_r18.py").write_text(blocks("python")[0], encoding="utf-8")
    return tmp_path


def test_the_page_from_top_to_bottom(
    place: Path, load_tool: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    (check,) = commands("check_dataset")
    assert load_tool("check_dataset").main([*check, "--workers", "0"]) == 0
    out = capsys.readouterr().out
    assert "train: 3 images, 3 opened" in out
    assert "1 images without" in out
    assert cv2.imread("sheets/train.png").std() > 20

    (train,) = commands("train")
    assert load_tool("train").main([*train, "--cfg-options", *SHORT, *STAGES]) == 0
    checkpoint = Path("work_dirs/photos_r18/last_checkpoint").read_text()
    for number, line in enumerate(commands("test")):
        arguments = [checkpoint if part == "LAST" else part for part in line]
        options = arguments.index("--cfg-options") + 1
        # Visualisers are kept by name in a process, an earlier one would be taken again.
        short = [*SHORT, f"visualizer.name=test{number}"]
        assert load_tool("test").main([*arguments[:options], *short, *arguments[options:]]) == 0
    out = capsys.readouterr().out
    assert "semseg/mIoU" in out
    assert "depth/rmse" in out
    assert len(list(Path("pictures").rglob("*.png"))) == 1


def test_the_wrapped_data_set(place: Path) -> None:
    root = Path("data/ade/ADEChallengeData2016")
    write_image(root / "images/training/a.jpg", np.zeros((4, 6, 3), np.uint8))
    write_image(root / "annotations/training/a.png", np.array([[0, 1, 150]] * 4, np.uint8).repeat(2, axis=1))
    write_image(root / "depth/training/a.png", np.full((4, 6), 1500, np.uint16))
    Path("wrapped.py").write_text(block_of("You have an mmseg data set"))
    item = DATASETS.build(Config.fromfile("wrapped.py").dataset)[0]
    assert item["gt_semseg"][0].tolist() == [255, 255, 0, 0, 149, 149]
    assert (item["gt_depth"] == np.float32(1.5)).all()


def write_split_folders(root: Path) -> None:
    """Three images for training, two for validation, whose names repeat; a mask says which it belongs to."""
    for value, (split, count) in enumerate({"train": 3, "val": 2}.items()):
        for index in range(count):
            write_image(root / "images" / split / f"{index:04d}.jpg", np.zeros((4, 6, 3), np.uint8))
            write_image(root / "masks" / split / f"{index:04d}.png", np.full((4, 6), value, np.uint8))


@pytest.mark.parametrize("form", [0, 1], ids=["folders in ids", "folders by split"])
def test_splits_in_folders_of_their_own(place: Path, form: int) -> None:
    write_split_folders(Path("data/rooms"))
    if form == 0:
        (line,) = [block for block in blocks("bash") if block.startswith("for split")]
        subprocess.run(["bash", "-ec", line], check=True)
    Path("rooms.py").write_text(block_of("Splits in folders", form))
    config = Config.fromfile("rooms.py")
    load = [{"type": "mmcv.LoadImageFromFile"}, {"type": "mmdymu.LoadMultiTaskAnnotations"}]
    for value, (split, count) in enumerate({"train": 3, "val": 2}.items()):
        dataset = DATASETS.build({**config[f"{split}_dataset"], "pipeline": load})
        assert len(dataset) == count
        assert {int(item["gt_semseg"].mean()) for item in dataset} == {value}
        assert {Path(item["img_path"]).parent.name for item in dataset} == {split}
    loaders = {f"{split}_dataloader": {"dataset": config[f"{split}_dataset"]} for split in ("train", "val")}
    assert [report.errors for report in check_config(loaders, num_workers=0)] == [[], []]


def test_the_table_names_every_field() -> None:
    from mmdymu.datasets.task_spec import _SPEC_FIELDS

    named = set(
        re.findall(r"`([a-z_]+)`", PAGE.split("## What a task's entry can say")[1].split("\n\nThe data set's own")[0])
    )
    assert named >= _SPEC_FIELDS - {"renormalise"}
