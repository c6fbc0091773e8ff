from __future__ import annotations

from pathlib import Path

import pytest
from mmengine import Config
from mmengine.registry import init_default_scope
from test_datasets.cifar_files import COARSE_NAMES, FINE_TO_COARSE, write_cifar

from mmdymu.datasets.checking import check_config, report_lines

CONFIG = Path(__file__).parents[3] / "configs" / "_base_" / "datasets" / "cifar100.py"
FINE = (30, 4, 99, 32, 1, 95, 0, 30)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MMDYMU_DATA_ROOT", str(tmp_path))
    init_default_scope("mmdymu")
    return write_cifar(tmp_path / "cifar-100-python", FINE)


def test_images_of_every_task_and_class_are_counted(folder: Path) -> None:
    train, test = check_config(Config.fromfile(CONFIG))
    assert train.errors == test.errors == []
    assert train.images == len(FINE)
    for number, task in enumerate(COARSE_NAMES):
        labels = [fine for fine in FINE if FINE_TO_COARSE[fine] == number]
        assert train.statistics[task].labels == len(labels)
    assert "aquatic_mammals (label): 4 labels" in "\n".join(report_lines(train))
    assert train.warnings == ["train has 8 images, the release has 50000"]
    assert test.warnings == ["test has 1 images, the release has 10000"]


def test_a_damaged_file_is_named(folder: Path) -> None:
    (folder / "train").write_bytes(b"x")
    (folder / "test").unlink()
    train, test = check_config(Config.fromfile(CONFIG))
    assert "train" in train.errors[0]
    assert "test" in test.errors[0]
