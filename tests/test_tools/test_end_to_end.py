"""The shipped default through the real tools: train, stop, resume, test at preferences, measure the control."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import pytest
import torch

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / "configs" / "dymu" / "scenes_r18.py")
SMALL = [
    "train_cfg.stages.trunk.max_iters=2",
    "train_cfg.stages.anchor.max_iters=2",
    "train_cfg.stages.edges.max_iters=4",
    "train_cfg.stages.edges.objective.images=2",
    "train_cfg.stages.edges.objective.affinity_images=3",
    "train_cfg.stages.weights.max_iters=2",
    "default_hooks.checkpoint.interval=2",
    "model.image_size=(32,48)",
    *(
        f"{split}_dataloader.{key}"
        for split in ("train", "val", "test")
        for key in (
            "batch_size=2",
            "num_workers=0",
            "persistent_workers=False",
            "dataset.length=4",
            "dataset.size=(32,48)",
        )
    ),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("MMDYMU_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_train_stop_resume_test_and_measure(folder: Path, load_tool: Callable[[str], ModuleType]) -> None:
    train, test, control = (load_tool(name).main for name in ("train", "test", "control"))
    assert train([CONFIG, "--work-dir", "run", "--cfg-options", *SMALL, "train_cfg.skip=['weights']"]) == 0
    assert Path("run/last_checkpoint").read_text().endswith("iter_8.pth")

    assert train([CONFIG, "--work-dir", "run", "--resume", "--cfg-options", *SMALL]) == 0
    checkpoint = Path("run/last_checkpoint").read_text()
    assert checkpoint.endswith("iter_10.pth")
    weights = torch.load(checkpoint, weights_only=False)["state_dict"]
    assert any(value.abs().max() > 0 for key, value in weights.items() if "weight_hypernet.deltas" in key)

    results = [_test(test, checkpoint, options) for options in (["pref=[1,0,0]"], ["pref.normals=1", "cost_weight=1"])]
    assert [result["pref"] for result in results] == [[1, 0, 0], {"normals": 1}]
    for result in results:
        assert {"semseg/mIoU", "depth/rmse", "normals/mean"} <= set(result["metrics"])
        assert 5 <= result["nodes_used"] <= result["nodes_total"] == 15

    assert control([CONFIG, checkpoint, "--out", "control", *_few(), "--cfg-options", *SMALL]) == 0
    report = json.loads(Path("control/control.json").read_text())
    assert set(report["brackets"]) == {"controller", "heuristic", "oracle", "search"}
    assert cv2.imread("control/control.png").std() > 0


def test_pictures_of_the_predictions(folder: Path, load_tool: Callable[[str], ModuleType]) -> None:
    train, test = load_tool("train").main, load_tool("test").main
    skip = "train_cfg.skip=['trunk','edges','weights']"
    assert train([CONFIG, "--work-dir", "run", "--cfg-options", *SMALL, skip]) == 0
    checkpoint = Path("run/last_checkpoint").read_text()
    # Visualisers are kept by name in a process, the training's would be taken again.
    options = [*SMALL, "run_anchor=True", "visualizer.name=pictures"]

    assert test([CONFIG, checkpoint, "--work-dir", "test", "--show-dir", "pictures", "--cfg-options", *options]) == 0

    pictures = list(Path("pictures").rglob("*.png"))
    assert len(pictures) == 4
    assert all(cv2.imread(str(picture)).std() > 0 for picture in pictures)


def _test(test: Callable[[list[str]], int], checkpoint: str, options: list[str]) -> dict:
    assert test([CONFIG, checkpoint, "--work-dir", "test", "--out", "out.json", "--cfg-options", *SMALL, *options]) == 0
    return json.loads(Path("out.json").read_text())


def _few() -> list[str]:
    counts = {"preferences": 3, "test-images": 4, "calibration-images": 4, "oracle-images": 2, "adapted-preferences": 1}
    return [part for name, count in counts.items() for part in (f"--{name}", str(count))]
