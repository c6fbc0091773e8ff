"""A tiny config file and a checkpoint of it, whose hypernets give many different trees and shift norms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tiny
import tiny_classes
import torch
from mmengine.config import Config

from mmdymu.apis import init_model
from mmdymu.models import ControllableNet

PALETTE = [[9, 9, 9], [200, 0, 0], [0, 200, 0], [0, 0, 200]]
META = {
    "tasks": {
        "semseg": {"kind": "label", "classes": ("a", "b", "c", "d"), "palette": PALETTE},
        "depth": {"kind": "depth"},
        "normals": {"kind": "normals"},
    }
}
PIPELINE = [
    {"type": "LoadImageFromFile"},
    {"type": "mmseg.Resize", "scale": tiny.SIZE[::-1]},
    {"type": "mmdymu.LoadMultiTaskAnnotations"},
    {"type": "mmdymu.PackMultiTaskInputs"},
]


def config(**changes: Any) -> Config:
    """As a config file of a trained model has it."""
    dataset = {"type": "mmdymu.MultiTaskDataset", "data_root": "nowhere", "tasks": META["tasks"], "pipeline": PIPELINE}
    return tiny.PlainConfig(
        {
            "default_scope": "mmdymu",
            "model": tiny.model_config(),
            "test_dataloader": {"dataset": dataset},
            **changes,
        }
    )


def chatty(model: ControllableNet) -> ControllableNet:
    """The model, as if trained: its hypernets say something."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(("weight_hypernet.deltas", "edge_hypernet.logits")):
                scale = 0.05 if "deltas" in name else 1.0
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
        model.loss_scale.fill_(1.0)
    return model.eval()


def save(model: ControllableNet, path: Path, **meta: Any) -> Path:
    """A checkpoint as a run writes it."""
    torch.save({"meta": {"dataset_meta": META, **meta}, "state_dict": model.state_dict()}, path)
    return path


def write(folder: Path) -> tuple[Path, Path]:
    """Config file and checkpoint."""
    file = folder / "config.py"
    file.write_text(config().pretty_text)
    return file, save(chatty(tiny.build_model()), folder / "weights.pth")


def classifier() -> ControllableNet:
    """A tiny classifier that a preference controls."""
    config = {
        "model": tiny_classes.model_config(),
        "test_dataloader": {
            "dataset": {
                "type": "mmdymu.CIFAR100Tasks",
                "data_root": "nowhere",
                "tasks": tiny_classes.TASKS,
                "pipeline": [{"type": "mmdymu.PackMultiTaskInputs"}],
            }
        },
    }
    return chatty(init_model(Config(config)))
