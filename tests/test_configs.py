"""Every shipped config is complete: it loads, its model builds, and its run takes a step."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from test_datasets.cifar_files import FINE_TO_COARSE, write_cifar
from test_datasets.releases import write_pascal

from mmdymu import Preference
from mmdymu.engine.loops import build_stages
from mmdymu.models.segmentors.controllable_segmentor import MAX_PATH_TABLE
from mmdymu.registry import MODELS

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs" / "dymu").glob("*.py"))
SMALL = (64, 64)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_builds(path: Path) -> None:
    config = Config.fromfile(path)
    init_default_scope(config.default_scope)
    # The weight hypernet is most of a big model and is built in the tests that take a step.
    model = MODELS.build({**config.model, "weight_hypernet": None})
    stages = build_stages(config.train_cfg.stages)

    paths = model.num_tasks ** (model.num_layers + 1)
    assert model.path_losses.numel() == (paths if paths <= MAX_PATH_TABLE else 0)
    assert paths <= MAX_PATH_TABLE or config.train_cfg.stages.edges.objective.source == "images"
    assert {"anchor", "edges"} <= {stage.name for stage in stages}
    assert {
        metric["task"] if "task" in metric else metric["type"].lower()[:-6]
        for metric in config.test_evaluator
        if metric["type"] != "MeanAccuracyMetric"
    } <= {*model.tasks}
    assert not {"pref", "cost_weight"} & set(config), "unset means uniform and 0"


@pytest.mark.parametrize("path", sorted((ROOT / "configs").rglob("*.py")), ids=lambda path: path.stem)
def test_imports_stand_behind_the_base(path: Path) -> None:
    kinds = [
        "import" if isinstance(node, ast.Import | ast.ImportFrom) else "base"
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "_base_")
    ]
    assert kinds[:1] in ([], ["base"]), "mmengine 0.10.7 takes a config that begins with imports for another syntax"


@pytest.mark.parametrize("name", ["pascal_r50", "pascal_mbv2"])
def test_pascal_config_takes_a_step_of_every_stage(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for image in ("2008_000001", "2008_000002"):
        write_pascal(tmp_path, name=image)
    monkeypatch.setenv("MMDYMU_DATA_ROOT", str(tmp_path))
    monkeypatch.setenv("MMDYMU_CACHE", str(tmp_path / "cache"))
    config = Config.fromfile(ROOT / "configs" / "dymu" / f"{name}.py")
    config.work_dir = str(tmp_path / "work")
    _shrink(config)

    runner = Runner.from_cfg(config)
    runner.train()

    model = runner.model
    assert model.is_controllable
    model.eval()
    tree = model.set_preference(Preference.parse([0.6, 0.1, 0.1, 0.1, 0.1], cost_weight=0.5, tasks=model.tasks))
    outputs = model(torch.zeros(1, 3, *SMALL), mode="tensor")
    assert tree.num_tasks == 5
    assert {task: output.shape[1] for task, output in outputs.items()} == {
        "semseg": 21, "parts": 7, "saliency": 1, "normals": 3, "edges": 1
    }  # fmt: skip


def test_cifar_config_takes_steps_of_every_stage_and_is_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fine = list(range(100))
    write_cifar(tmp_path / "cifar-100-python", fine, fine[:40])
    monkeypatch.setenv("MMDYMU_DATA_ROOT", str(tmp_path))
    config = Config.fromfile(ROOT / "configs" / "dymu" / "cifar100_r9.py")
    config.work_dir = str(tmp_path / "work")
    _shrink_cifar(config)

    runner = Runner.from_cfg(config)
    runner.train()

    model = runner.model
    assert model.is_controllable
    assert torch.isfinite(torch.cat([value.flatten() for value in model.state_dict().values()]).float()).all()
    model.eval()
    tree = model.set_preference(Preference.uniform(model.tasks))
    outputs = model(torch.zeros(2, 3, 32, 32), mode="tensor")
    assert tree.num_tasks == 20
    assert {tuple(output.shape) for output in outputs.values()} == {(2, 5)}
    results = runner.test()
    present = {model.tasks[FINE_TO_COARSE[label]] for label in fine[:40]}
    measured = {key.split("/")[0] for key, value in results.items() if value == value}
    assert measured == {*present, "mean"}


def _shrink_cifar(config: Config) -> None:
    """Two steps of 40 small images, narrow streams."""
    config.model.stream.backbone.base_channels = 1
    for head in config.model.heads.values():
        head.in_channels = 8
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.update(batch_size=40, num_workers=0, persistent_workers=False)
    stages: Any = config.train_cfg.stages
    for stage in stages.values():
        stage.max_iters = 2
        stage.pop("batch_size", None)
    stages.edges.objective.update(preferences_per_step=2, images=40, affinity_images=40)
    config.custom_hooks[0].calibration_images = 40
    config.norm_statistics = "calibrated"
    config.default_hooks.checkpoint.interval = 100


def _shrink(config: Config) -> None:
    """A step of two small images instead of 40 000 of sixteen."""
    del config.model.stream.backbone["init_cfg"]
    config.model.image_size = SMALL
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        for transform in loader.dataset.pipeline:
            for key in {"size", "crop_size"} & set(transform):
                transform[key] = SMALL
    stages: Any = config.train_cfg.stages
    for stage in stages.values():
        stage.max_iters = 1
    stages.edges.objective.update(source="images", preferences_per_step=2, images=2, affinity_images=3)
    config.default_hooks.checkpoint.interval = 100
