"""A model of this package inside an mmseg project: its config, its tools."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import mmseg
import pytest
import tiny
import torch
from mmengine.registry import DefaultScope, init_default_scope

import mmdymu
from mmdymu.registry import MODELS

TOOLS = Path(mmseg.__file__).parent / ".mim" / "tools"
OVERRIDE = """
_base_ = __import__("mmseg").__path__[0] + "/.mim/configs/fcn/fcn_r18-d8_4xb2-80k_cityscapes-512x1024.py"
custom_imports = dict(imports=["mmdymu"], allow_failed_imports=False)

tasks = ("semseg", "depth")
norm_cfg = dict(type="BN", requires_grad=True)
head = dict(type="mmseg.FCNHead", in_channels=32, in_index=-1, channels=8, num_convs=1, norm_cfg=norm_cfg)
model = dict(
    _delete_=True,
    type="mmdymu.ControllableSegmentor",
    tasks=tasks,
    image_size=(32, 48),
    data_preprocessor=dict(type="mmdymu.MultiTaskDataPreprocessor", mean=[127.5] * 3, std=[64.0] * 3),
    stream=dict(
        merge=(2, 2, 1),
        backbone=dict(
            type="mmseg.ResNet", depth=18, stem_channels=4, base_channels=4, strides=(1, 2, 2, 1),
            dilations=(1, 1, 1, 1), out_indices=(0, 3), norm_cfg=norm_cfg,
        ),
    ),
    heads=dict(
        semseg=dict(num_classes=8, loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=True), **head),
        depth=dict(type="mmdymu.DepthHead", decoder=dict(num_classes=1, **head)),
    ),
    weight_hypernet=dict(type="mmdymu.WeightHypernet"),
)

scenes = dict(type="mmdymu.ScenesDataset", length=8, size=(32, 48), tasks=tasks, num_workers=0)
load = [dict(type="LoadImageFromFile"), dict(type="mmdymu.LoadMultiTaskAnnotations")]
pack = [dict(type="mmdymu.PackMultiTaskInputs")]
augment = [dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5), dict(type="PhotoMetricDistortion")]
train_dataloader = dict(
    _delete_=True, batch_size=2, num_workers=0, sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(pipeline=load + augment + pack, **scenes),
)
test_dataloader = dict(
    _delete_=True, batch_size=1, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(pipeline=load + pack, test_mode=True, **scenes),
)
val_dataloader = test_dataloader
test_evaluator = [dict(type="mmdymu.SegmentationMetric", task="semseg"), dict(type="mmdymu.DepthMetric")]
val_evaluator = test_evaluator

param_scheduler = None  # stages have their own
adam = dict(optimizer=dict(type="Adam", lr=1e-3))
train_cfg = dict(
    _delete_=True,
    type="mmdymu.StageTrainLoop",
    stages=dict(
        trunk=dict(max_iters=2, objective=dict(type="mmdymu.TrunkObjective")),
        anchor=dict(
            max_iters=2, objective=dict(type="mmdymu.AnchorObjective"), param_scheduler=[dict(type="PolyLR", power=0.9)]
        ),
        edges=dict(
            max_iters=2, optim_wrapper=adam,
            objective=dict(
                type="mmdymu.EdgeObjective", images=2, affinity_images=4,
                regularizer=dict(type="mmdymu.BranchingRegularizedLoss", lambda_cost=0.3),
            ),
        ),
        weights=dict(max_iters=2, optim_wrapper=adam, objective=dict(type="mmdymu.WeightObjective")),
    ),
)
default_hooks = dict(
    logger=dict(interval=1),
    checkpoint=dict(_delete_=True, type="mmdymu.SafeCheckpointHook", by_epoch=False, interval=4),
    visualization=dict(_delete_=True, type="mmdymu.MultiTaskVisualizationHook"),
)
custom_hooks = [dict(type="mmdymu.PreferenceHook")]
visualizer = dict(_delete_=True, type="mmdymu.MultiTaskVisualizer", vis_backends=[dict(type="LocalVisBackend")])
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config and a run by mmseg's tools/train.py."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "dymu.py").write_text(OVERRIDE)
    run(folder, "train.py", "dymu.py")
    return folder


def run(folder: Path, tool: str, *arguments: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(mmdymu.__file__).parents[1]),
        "MMDYMU_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-W", "ignore", str(TOOLS / tool), *arguments, "--work-dir", "run"]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout + result.stderr


def test_trains_all_stages(project: Path) -> None:
    state = torch.load(project / "run" / "iter_8.pth", weights_only=False)["state_dict"]
    assert state["loss_scale"].isfinite().all()
    assert (project / "run" / "last_checkpoint").read_text().endswith("iter_8.pth")


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["pref=[0.9,0.1]", "cost_weight=1.0"], "semseg 0.9, depth 0.1; cost weight 1"),
        (["pref=[0.2,0.8]"], "semseg 0.2, depth 0.8; cost weight 0"),
    ],
)
def test_tests_at_a_preference(project: Path, options: list[str], shown: str) -> None:
    pictures = ["--show-dir", f"pictures_{options[0][6:9]}"]
    text = run(project, "test.py", "dymu.py", "run/iter_8.pth", *pictures, "--cfg-options", *options)
    assert f"preference: {shown}" in text
    assert re.search(r"nodes \d of 6", text)
    assert re.search(r"semseg/mIoU: [\d.]+ .*depth/rmse: [\d.]+", text)
    painted = next((project / pictures[1]).rglob("*.png"))
    # The image and two tasks side by side, predictions above labels.
    height, width = cv2.imread(str(painted)).shape[:2]
    assert width > 3 * 192 * 48 / 32
    assert height > 2 * 192


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
