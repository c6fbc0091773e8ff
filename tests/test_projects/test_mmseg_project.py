"""A model of this package inside an mmseg project: the config and commands of docs/mmseg_project.md, mmseg's tools."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import mmseg
import numpy as np
import pytest
import tiny
import torch
from mmengine.registry import DefaultScope, init_default_scope
from test_datasets.dataset_files import write_image

import mmdymu
from mmdymu.registry import MODELS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mmseg_project.md").read_text(encoding="utf-8")
MMSEG = Path(mmseg.__file__).parent / ".mim"
CONFIG = "configs/dymu/photos_r18.py"
RUN = "work_dirs/photos_r18"
SMALLER = {
    "scale, crop_size = (320, 256), (256, 320)": "scale, crop_size = (48, 32), (32, 48)",
    "batch_size=8": "batch_size=2",
    "num_workers=2": "num_workers=0",
    "depth=18": "depth=18, stem_channels=4, base_channels=4",
    "in_channels=512": "in_channels=32",
    "torchvision://resnet18": "resnet18.pth",
    "max_iters=500": "max_iters=2",
    "max_iters=4000": "max_iters=2",
    "max_iters=600": "max_iters=2",
    "val_interval=1000": "val_interval=8",
    'type="mmdymu.EdgeObjective"': 'type="mmdymu.EdgeObjective", images=2, affinity_images=4',
    "interval=500": "interval=4",
}
"""What makes the page's config quick; it stays as it is otherwise."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.S)


def commands(tool: str) -> list[list[str]]:
    """Command lines of the page, with LAST for the newest checkpoint."""
    lines = re.sub(r"\$\(cat \S+/last_checkpoint\)", "LAST", "".join(blocks("bash"))).splitlines()
    return [words[1:] for line in lines if (words := shlex.split(line))[1] == f"tools/{tool}.py"]


def smaller(config: str) -> str:
    for old, new in SMALLER.items():
        assert old in config, old
        config = config.replace(old, new)
    return config


def write_photos(root: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"{index:04d}" for index in range(6)]
    for name in names:
        write_image(root / "images" / f"{name}.jpg", rng.integers(0, 256, (36, 54, 3), np.uint8))
        write_image(root / "rooms" / f"{name}.png", rng.choice(np.array([0, 1, 2, 255], np.uint8), (36, 54)))
        write_image(root / "depth" / f"{name}.png", rng.integers(0, 5000, (36, 54)).astype(np.uint16))
    (root / "train.txt").write_text("\n".join(names[:4]))
    (root / "val.txt").write_text("\n".join(names[4:]))


def write_pretrained(path: Path) -> None:
    """A backbone's weights."""
    torch.save(MODELS.build({**tiny.RESNET, "out_indices": (3,)}).state_dict(), path)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with mmseg's configs and tools, the page's config, and its run by mmseg's tools/train.py."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "configs").mkdir()
    for link in ("tools", "configs/_base_", "configs/fcn"):
        (folder / link).symlink_to(MMSEG / link)
    (folder / CONFIG).parent.mkdir()
    (folder / CONFIG).write_text(smaller(blocks("python")[0]))
    write_photos(folder / "data" / "photos")
    write_pretrained(folder / "resnet18.pth")
    (train,) = commands("train")
    (folder / "train.log").write_text(run(folder, train))
    return folder


def run(folder: Path, words: list[str]) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(mmdymu.__file__).parents[1]),
        "MMDYMU_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-W", "ignore", *words]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout + result.stderr


def test_trains_all_stages(project: Path) -> None:
    state = torch.load(project / RUN / "iter_8.pth", weights_only=False)["state_dict"]
    assert state["loss_scale"].isfinite().all()
    assert (project / RUN / "last_checkpoint").read_text().endswith("iter_8.pth")


def test_registries_are_found_without_a_warning(project: Path) -> None:
    assert "Failed to search registry" not in (project / "train.log").read_text()


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "semseg 0.6, depth 0.4; cost weight 0.5"), (1, "semseg 0, depth 1; cost weight 0")],
)
def test_tests_at_a_preference(project: Path, number: int, shown: str) -> None:
    words = commands("test")[number]
    checkpoint = (project / RUN / "last_checkpoint").read_text()
    text = run(project, [checkpoint if word == "LAST" else word for word in words])
    assert f"preference: {shown}" in text
    assert re.search(r"nodes \d+ of 10", text)
    assert re.search(r"semseg/mIoU: [\d.]+ .*depth/rmse: [\d.]+", text)
    assert "Failed to search registry" not in text
    if "--show-dir" in words:
        painted = next((project / "pictures").rglob("*.png"))
        # The image and two tasks side by side, predictions above labels.
        height, width = cv2.imread(str(painted)).shape[:2]
        assert width > 3 * 192 * 48 / 32
        assert height > 2 * 192


def test_one_segmentor_starts_all_streams(tmp_path: Path) -> None:
    write_pretrained(tmp_path / "backbone.pth")
    weights = torch.load(tmp_path / "backbone.pth")
    (start,) = re.findall(r"\*\*One segmentor of mmseg\*\*.*?`init_cfg=(dict\(.*?\))`", PAGE, flags=re.S)
    assert '"segmentor.pth"' in start
    torch.save({"state_dict": {f"backbone.{name}": value for name, value in weights.items()}}, tmp_path / "s.pth")
    init_cfg = {**eval(start), "checkpoint": str(tmp_path / "s.pth")}
    backbone = {**tiny.RESNET, "out_indices": (3,), "init_cfg": init_cfg}
    model = MODELS.build(tiny.model_config(("semseg", "depth"), stream={"backbone": backbone}))
    model.init_weights()
    for stream in model.backbone.streams:
        assert any(torch.equal(parameter, weights["conv1.weight"]) for parameter in stream.parameters())


@pytest.mark.parametrize("scope", ["mmseg", "mmdymu", "mmengine", "mmpretrain"])
def test_models_build_in_any_scope(scope: str) -> None:
    before = DefaultScope.get_current_instance()
    init_default_scope(scope)
    try:
        torch.manual_seed(0)
        model = MODELS.build(tiny.model_config(("semseg", "depth"), stream=tiny.SHORT))
        losses, _ = model.task_losses(
            model.run_tree(torch.zeros(2, 3, *tiny.SIZE), model.anchor_tree), tiny.samples(model.tasks)
        )
    finally:
        if before is not None:
            init_default_scope(before.scope_name)
    assert losses.isfinite().all()
