from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine import Config
from mmengine.registry import init_default_scope
from test_datasets.dataset_files import write_image

from mmdymu.registry import DATASETS

FOLDER = Path(__file__).parents[2] / "configs" / "_base_" / "datasets"
FRAME = {"nyud_256": (256, 336), "ccp_256": (380, 256)}
TRAINED = {"nyud_256": (128, 168), "ccp_256": (256, 256)}
TESTED = {"nyud_256": (128, 168), "ccp_256": (380, 256)}


def write_frame(config: dict[str, Any], height: int, width: int) -> None:
    """One image that has every label, as the config expects it."""
    root = Path(config["data_root"])
    rng = np.random.default_rng(0)
    write_image(
        root / config["img"]["folder"] / f"0001{config['img']['suffix']}",
        rng.integers(0, 256, (height, width, 3), np.uint8),
    )
    for task in config["tasks"].values():
        path = root / task["folder"] / f"0001{task['suffix']}"
        shape = (height, width, 3) if task["kind"] == "normals" else (height, width)
        write_image(path, rng.integers(1, 2 if task["kind"] == "label" else 256, shape, np.uint8))
    split = root / config["ann_file"]
    split.parent.mkdir(parents=True, exist_ok=True)
    split.write_text("0001\n")


@pytest.mark.parametrize("name", sorted(FRAME))
def test_folders_of_the_config(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMDYMU_DATA_ROOT", str(tmp_path))
    init_default_scope("mmdymu")
    config = Config.fromfile(FOLDER / f"{name}.py")
    write_frame(config.train_dataloader.dataset, *FRAME[name])
    item = DATASETS.build(config.train_dataloader.dataset)[0]
    assert item["inputs"].shape == (3, *TRAINED[name])
    for task in item["data_samples"].tasks:
        (data,) = item["data_samples"].get(task).values()
        assert data.shape == TRAINED[name]
    test = config.test_dataloader.dataset
    (Path(test.data_root) / test.ann_file).write_text("0001\n")
    item = DATASETS.build(test)[0]
    assert item["inputs"].shape == (3, *TESTED[name])
    for task in item["data_samples"].tasks:
        (data,) = item["data_samples"].get(task).values()
        assert data.shape == FRAME[name]
        assert tuple(item["data_samples"].get(task).ori_shape) == FRAME[name]


def test_scenes_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMDYMU_CACHE", str(tmp_path))
    config = Config.fromfile(FOLDER / "scenes_96x128.py")
    train, test = config.train_dataloader.dataset, config.test_dataloader.dataset
    assert train.seed != test.seed
    train.length = 1
    item = DATASETS.build(train)[0]
    assert item["inputs"].shape == (3, 96, 128)
    assert set(item["data_samples"].tasks) == {"semseg", "depth", "normals"}


def test_default_data_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MMDYMU_DATA_ROOT", raising=False)
    assert Config.fromfile(FOLDER / "nyud_256.py").data_root == "data/nyuv2_256"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_all_loaders_are_described(path: Path) -> None:
    config = Config.fromfile(path)
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        assert {"batch_size", "num_workers", "persistent_workers", "sampler", "dataset"} <= set(config[loader])
    balanced = path.stem == "cifar100"
    assert config.train_dataloader.sampler.type == ("mmdymu.TaskBalancedSampler" if balanced else "InfiniteSampler")
    assert not config.test_dataloader.sampler.shuffle
