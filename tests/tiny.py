"""The smallest models, data and runs that still have all parts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmpretrain.structures import MultiTaskDataSample
from mmseg.structures import SegDataSample
from torch.utils.data import Dataset

from mmdymu.engine import EdgeObjective, Frames
from mmdymu.models import ControllableSegmentor
from mmdymu.registry import DATASETS, MODELS, OBJECTIVES

TASKS = ("semseg", "depth", "normals")
CLASSES = 4
SIZE = (32, 48)
RESNET = {
    "type": "mmseg.ResNet",
    "depth": 18,
    "stem_channels": 4,
    "base_channels": 4,
    "strides": (1, 2, 2, 1),
    "dilations": (1, 1, 1, 1),
    "out_indices": (0, 3),
    "norm_cfg": {"type": "BN", "requires_grad": True},
}
FCN = {
    "type": "mmseg.FCNHead",
    "in_index": -1,
    "channels": 4,
    "num_convs": 1,
    "in_channels": 32,
    "norm_cfg": {"type": "BN"},
}


SHORT = {"backbone": RESNET, "merge": (2, 2, 1)}
"""A stream of three layers: few paths."""


def head(task: str) -> dict[str, Any]:
    """A head for a task; a name may carry a number (semseg7)."""
    if task.startswith("depth"):
        return {"type": "mmdymu.DepthHead", "decoder": {**FCN, "num_classes": 1}}
    if task.startswith("normals"):
        return {"type": "mmdymu.NormalsHead", "decoder": {**FCN, "num_classes": 3}}
    loss = {"type": "mmseg.CrossEntropyLoss", "avg_non_ignore": True}
    return {**FCN, "num_classes": CLASSES, "loss_decode": loss}


def model_config(tasks: Sequence[str] = TASKS, **changes: Any) -> dict[str, Any]:
    """Config of a tiny controllable segmentor."""
    return {
        "type": "mmdymu.ControllableSegmentor",
        "tasks": tuple(tasks),
        "stream": {"backbone": dict(RESNET)},
        "heads": {task: head(task) for task in tasks},
        "weight_hypernet": {"type": "mmdymu.WeightHypernet"},
        "image_size": SIZE,
        "data_preprocessor": {"type": "mmdymu.MultiTaskDataPreprocessor", "mean": [127.5] * 3, "std": [64.0] * 3},
        **changes,
    }


def build_model(tasks: Sequence[str] = TASKS, seed: int = 0, **changes: Any) -> ControllableSegmentor:
    """A tiny initialised model with different streams."""
    init_default_scope("mmdymu")
    torch.manual_seed(seed)
    model = MODELS.build(model_config(tasks, **changes))
    model.init_weights()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def samples(tasks: Sequence[str] = TASKS, count: int = 2, size: tuple[int, int] = SIZE) -> list[MultiTaskDataSample]:
    """Random labels."""
    return [TinyDataset(tasks, count, size)[index]["data_samples"] for index in range(count)]


@DATASETS.register_module(force=True)
class TinyDataset(Dataset):
    """Random images whose labels can be learnt from their brightness; random horizontal flips as augmentation."""

    def __init__(
        self, tasks: Sequence[str] = TASKS, size: int = 8, shape: tuple[int, int] = SIZE, pipeline: Any = None
    ) -> None:
        self.tasks, self.size, self.shape, self.augment = tuple(tasks), size, tuple(shape), pipeline is None
        self.metainfo = {"tasks": self.tasks}

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> dict[str, Any]:
        rng = np.random.default_rng(index)
        image = rng.integers(0, 255, (3, *self.shape), dtype=np.uint8)
        if self.augment and np.random.random() < 0.5:
            image = image[..., ::-1].copy()
        inputs = torch.from_numpy(image)
        sample = MultiTaskDataSample()
        meta = {"ori_shape": self.shape, "img_shape": self.shape, "img_path": f"{index}.jpg", "has_label": True}
        sample.set_metainfo(meta)
        for task in self.tasks:
            single = SegDataSample(metainfo=meta)
            name, label = _label(task, inputs)
            single.set_data({name: PixelData(data=label)})
            sample.set_field(single, task)
        return {"inputs": inputs, "data_samples": sample}


def _label(task: str, image: torch.Tensor) -> tuple[str, torch.Tensor]:
    grey = image.float().mean(0, keepdim=True) / 255
    if task.startswith("depth"):
        return "gt_depth_map", 1 + grey
    if task.startswith("normals"):
        return "gt_normals", torch.nn.functional.normalize(image.float() - 127, dim=0)
    return "gt_sem_seg", (grey * CLASSES).long().clamp(0, CLASSES - 1)


class PlainConfig(Config):
    """Its text is not laid out by yapf, which takes 0.2 s for every checkpoint."""

    @property
    def pretty_text(self) -> str:
        return "\n".join(f"{key} = {value!r}" for key, value in self.to_dict().items())


def run_config(work_dir: str | Path, tasks: Sequence[str] = TASKS, iters: int = 3, **changes: Any) -> Config:
    """A run through all stages."""
    loader = {
        "batch_size": 2,
        "num_workers": 0,
        "sampler": {"type": "InfiniteSampler", "shuffle": True},
        "dataset": {"type": "mmdymu.TinyDataset", "tasks": tuple(tasks)},
    }
    adam = {"optimizer": {"type": "Adam", "lr": 1e-2}}
    stages = {
        "trunk": {"objective": {"type": "TrunkObjective"}},
        "anchor": {"objective": {"type": "AnchorObjective"}, "param_scheduler": [{"type": "PolyLR", "power": 0.9}]},
        "edges": {"objective": edge_objective(), "optim_wrapper": adam,
                  "param_scheduler": [{"type": "CosineAnnealingLR", "T_max": iters}]},
        "weights": {"objective": {"type": "WeightObjective"}, "optim_wrapper": adam},
    }  # fmt: skip
    return PlainConfig(
        {
            "default_scope": "mmdymu",
            "work_dir": str(work_dir),
            "model": model_config(tasks),
            "train_dataloader": loader,
            "optim_wrapper": {"type": "OptimWrapper", "optimizer": {"type": "SGD", "lr": 1e-2, "momentum": 0.9}},
            "train_cfg": train_cfg(*({"name": name, "max_iters": iters, **stage} for name, stage in stages.items())),
            "default_hooks": {
                "checkpoint": {"type": "SafeCheckpointHook", "by_epoch": False, "interval": 1, "max_keep_ckpts": -1},
                "logger": {"type": "LoggerHook", "interval": 1},
            },
            "custom_hooks": [{"type": "PreferenceHook", "calibration_images": 4}],
            "log_processor": {"by_epoch": False},
            "log_level": "WARNING",
            "randomness": {"seed": 0},
            **changes,
        }
    )


_RUNS = itertools.count()


def build_runner(work_dir: str | Path, **changes: Any) -> Runner:
    """A runner of :func:`run_config` that shares no log with others; without checkpoints unless asked for."""
    config = run_config(work_dir, **changes)
    config.experiment_name = f"tiny{next(_RUNS)}"
    if "default_hooks" not in changes:
        config.default_hooks.checkpoint.update(interval=-1, save_last=False)
    return Runner.from_cfg(config)


def train(work_dir: str | Path, **changes: Any) -> Runner:
    """A finished run through all stages."""
    runner = build_runner(work_dir, **changes)
    runner.train()
    return runner


def stage_config(name: str, iters: int = 2, **changes: Any) -> dict[str, Any]:
    """Config of one stage with the defaults of :func:`run_config`, and its name."""
    stage = run_config("", iters=iters).train_cfg.stages[name]
    return {"name": name, **stage.to_dict(), **changes}


def train_cfg(*stages: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Config of a stage loop from those of named stages."""
    by_name = {stage["name"]: {key: value for key, value in stage.items() if key != "name"} for stage in stages}
    return {"type": "StageTrainLoop", "stages": by_name, **changes}


def edge_objective(**changes: Any) -> dict[str, Any]:
    """Config of an edge objective with all regularisers."""
    regularizer = {
        "type": "BranchingRegularizedLoss", "lambda_active": 0.5, "lambda_inactive": 0.04, "lambda_cost": 0.3
    }  # fmt: skip
    return {"type": "EdgeObjective", "regularizer": regularizer, "images": 2, "affinity_images": 4, **changes}


def build_edge_objective(**changes: Any) -> EdgeObjective:
    """An edge objective that stands alone."""
    init_default_scope("mmdymu")
    return OBJECTIVES.build(edge_objective(**changes))


def frames(tasks: Sequence[str] = TASKS) -> Frames:
    """Frames of a test loader."""
    return Frames(test_loader(tasks)["dataset"])


def test_loader(tasks: Sequence[str] = TASKS, size: int = 4) -> ConfigDict:
    """A test loader without augmentation."""
    return ConfigDict(
        batch_size=1,
        num_workers=0,
        sampler={"type": "DefaultSampler", "shuffle": False},
        dataset={"type": "mmdymu.TinyDataset", "tasks": tuple(tasks), "size": size, "pipeline": []},
    )


test_loader.__test__ = False  # type: ignore[attr-defined]
