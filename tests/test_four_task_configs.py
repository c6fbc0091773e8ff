"""The configs with four tasks: their data, a step of every stage on made files, and a test."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from test_datasets.dataset_files import write_image
from test_datasets.test_base_configs import FRAME, write_frame

from mmdymu import Preference
from mmdymu.registry import DATASETS

CONFIGS = Path(__file__).parents[1] / "configs" / "dymu"
BASES = {"nyud_mbv2_4task": "nyud_256", "ccp_mbv2": "ccp_256"}
TASKS = {
    "nyud_mbv2_4task": ("semseg", "depth", "normals", "edges"),
    "ccp_mbv2": ("semseg", "parts", "saliency", "edges"),
}
METRICS = {
    "nyud_mbv2_4task": {"semseg/mIoU", "depth/rmse", "normals/mean", "edges/odsF"},
    "ccp_mbv2": {"semseg/mIoU", "parts/mIoU", "saliency/mIoU", "edges/odsF"},
}


@pytest.fixture(params=sorted(BASES))
def config(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The config, with two equal images in its data folder and no pretrained weights."""
    monkeypatch.setenv("MMDYMU_DATA_ROOT", str(tmp_path))
    init_default_scope("mmdymu")
    found = Config.fromfile(CONFIGS / f"{request.param}.py")
    write_frame(found.train_dataloader.dataset, *FRAME[BASES[request.param]])
    root = Path(found.data_root)
    halves = np.repeat([[0, 1]], FRAME[BASES[request.param]][1] // 2, axis=1).astype(np.uint8)
    for task in found.tasks.values():
        if task.kind == "label":
            write_image(root / task.folder / "0001.png", halves.repeat(FRAME[BASES[request.param]][0], axis=0))
    for file in [*root.glob("*/0001.*")]:
        shutil.copyfile(file, file.with_stem("0002"))
    for loader in (found.train_dataloader, found.test_dataloader):
        (root / loader.dataset.ann_file).write_text("0001\n0002\n")
    found.work_dir = str(tmp_path / "work")
    return found


def name_of(config: Config) -> str:
    return Path(config.filename).stem


def test_images_are_halved_and_all_tasks_are_loaded(config: Config) -> None:
    name, size = name_of(config), tuple(config.model.image_size)
    frame = FRAME[BASES[name]]
    for loader, labels in (("train_dataloader", size), ("val_dataloader", frame), ("test_dataloader", frame)):
        dataset = DATASETS.build(config[loader].dataset)
        item = dataset[0]
        assert item["inputs"].shape == (3, *size)
        assert set(item["data_samples"].tasks) == set(TASKS[name])
        assert TASKS[name] == tuple(config.model.tasks)
        for task in TASKS[name]:
            (data,) = item["data_samples"].get(task).values()
            assert data.shape == labels


def test_a_step_of_every_stage_and_a_test(config: Config) -> None:
    name = name_of(config)
    _shrink(config)
    runner = Runner.from_cfg(config)
    runner.train()
    model = runner.model
    assert model.is_controllable
    assert model.path_losses.shape == (4,) * 7
    results = runner.test()
    assert set(results) >= METRICS[name]
    tree = model.set_preference(Preference.uniform(TASKS[name]))
    assert (tree.num_tasks, tree.num_layers) == (4, 6)


def _shrink(config: Config) -> None:
    """A step of two small images; losses through images, since the table has 16 384 paths."""
    config.model.image_size = (32, 32)
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    for transform in config.train_dataloader.dataset.pipeline:
        if transform.type == "mmseg.RandomCrop":
            transform.crop_size = (64, 64)
    stages: Any = config.train_cfg.stages
    for stage in stages.values():
        stage.max_iters = 1
    stages.edges.objective.update(source="images", preferences_per_step=2, images=2, affinity_images=3)
    config.default_hooks.checkpoint.interval = 100


@pytest.mark.parametrize("name", sorted(BASES))
def test_real_edges_are_thin(name: str, data_root: Path) -> None:
    config = Config.fromfile(CONFIGS / f"{name}.py")
    if not Path(config.data_root).is_dir():
        pytest.skip(f"MMDYMU_DATA_ROOT has no {BASES[name]}")
    init_default_scope("mmdymu")
    for loader in ("train_dataloader", "test_dataloader"):
        dataset = DATASETS.build(config[loader].dataset)
        shares = []
        for index in range(0, len(dataset), len(dataset) // 8):
            edges = dataset[index]["data_samples"].get("edges").gt_sem_seg.data.numpy()
            assert set(np.unique(edges)) <= {0, 1}
            shares.append(edges.mean())
        assert 0.005 < np.mean(shares) < 0.1


@pytest.mark.parametrize("name", sorted(BASES))
def test_edges_are_scored_at_nine_thresholds(name: str) -> None:
    config = Config.fromfile(CONFIGS / f"{name}.py")
    (metric,) = (metric for metric in config.test_evaluator if metric.type == "EdgesMetric")
    assert torch.tensor(metric.thresholds).diff().allclose(torch.tensor(0.1))
    assert len(metric.thresholds) == 9
