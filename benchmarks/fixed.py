"""How far fixed networks are from the dynamic model, before and after folding, and their ONNX files from them.

Random weights, norms with statistics and parameters of their own, trees and norm shifts of random preferences.

Usage: python benchmarks/fixed.py [--preferences 50] [--size 512] [--backbones resnet18 resnet50 mobilenet]
    [--tasks 2 3 4 5] [--onnx 4]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmdymu  # noqa: F401  # first: it names a missing dependency and the command that installs it

# isort: split
import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from torch.nn.modules.batchnorm import _BatchNorm

from mmdymu import Preference
from mmdymu.deploy import export_onnx, fix, relative_difference
from mmdymu.models import ControllableNet
from mmdymu.registry import MODELS
from mmdymu.search.differences import largest

TASKS = ("semseg", "normals", "saliency", "depth", "edges")
NORM = {"type": "BN", "requires_grad": True}
RESNET = {
    "type": "mmseg.ResNet",
    "strides": (1, 2, 2, 1),
    "dilations": (1, 1, 1, 2),
    "out_indices": (0, 3),
    "norm_cfg": NORM,
}
MOBILENET = {
    "type": "mmseg.MobileNetV2",
    "strides": (1, 2, 2, 2, 1, 1, 1),
    "dilations": (1, 1, 1, 1, 1, 2, 2),
    "out_indices": (1, 6),
    "norm_cfg": NORM,
}
# Config, last and first output channels, width of the decoders.
BACKBONES: dict[str, tuple[dict[str, Any], int, int, int]] = {
    "resnet18": ({**RESNET, "depth": 18}, 512, 64, 128),
    "resnet50": ({**RESNET, "depth": 50}, 2048, 256, 256),
    "mobilenet": (MOBILENET, 320, 24, 128),
}


def head(task: str, channels: int, first: int, width: int) -> dict[str, Any]:
    """Config of a task's DeepLabV3+ head."""
    ours = {"normals": ("NormalsHead", 3), "saliency": ("SaliencyHead", 1), "depth": ("DepthHead", 1)}
    ours["edges"] = ("EdgesHead", 1)
    name, classes = ours.get(task, ("", 21))
    decoder = {
        "type": "mmseg.DepthwiseSeparableASPPHead",
        "in_index": -1,
        "in_channels": channels,
        "c1_in_channels": first,
        "channels": width,
        "c1_channels": 48,
        "dilations": (1, 6, 12, 18),
        "num_classes": classes,
        "norm_cfg": NORM,
    }
    return {"type": f"mmdymu.{name}", "decoder": decoder} if name else decoder


@torch.no_grad()
def build(backbone: str, tasks: Sequence[str], size: int) -> ControllableNet:
    """A model whose norms and hypernets look trained."""
    config, channels, first, width = BACKBONES[backbone]
    torch.manual_seed(0)
    model: ControllableNet = MODELS.build(
        {
            "type": "mmdymu.ControllableSegmentor",
            "tasks": tuple(tasks),
            "stream": {"backbone": config},
            "heads": {task: head(task, channels, first, width) for task in tasks},
            "weight_hypernet": {"type": "mmdymu.WeightHypernet"},
            "image_size": (size, size),
            "data_preprocessor": {"type": "mmdymu.MultiTaskDataPreprocessor"},
        }
    )
    model.init_weights()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.normal_(1, 0.1)
            module.bias.normal_(0, 0.1)
    for hypernet in (model.edge_hypernet, model.weight_hypernet):
        for parameter in hypernet.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
    model.loss_scale.fill_(1.0)
    return model.eval()


@torch.no_grad()
def measure(model: ControllableNet, count: int, onnx: int, seed: int) -> dict[str, float]:
    """Largest relative differences over random preferences."""
    rng, trees = np.random.default_rng(seed), set()
    worst = {"before": 0.0, "after": 0.0, "onnx": float("nan")}
    for index in range(count):
        preference = Preference.sample(model.tasks, rng)
        trees.add(model.set_preference(preference))
        images = torch.randn(1, 3, *model.image_size)
        wanted, folded = model(images), fix(model, preference)
        plain = fix(model, preference, fold=False)(images)
        worst["before"] = largest((worst["before"], relative_difference(plain, wanted)))
        worst["after"] = largest((worst["after"], relative_difference(folded(images), wanted)))
        if index < onnx:
            with tempfile.TemporaryDirectory() as folder:
                found = export_onnx(folded, Path(folder) / "network.onnx")
            worst["onnx"] = found if index == 0 else largest((worst["onnx"], found))
    return {**worst, "trees": float(len(trees))}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preferences", type=int, default=50, help="for each backbone, over all --tasks")
    parser.add_argument("--size", type=int, default=512, help="height and width of the images")
    parser.add_argument("--backbones", nargs="+", choices=list(BACKBONES), default=list(BACKBONES))
    parser.add_argument("--tasks", nargs="+", type=int, choices=range(1, 6), default=[2, 3, 4, 5])
    parser.add_argument("--onnx", type=int, default=1, help="of each row, so many are exported, too")
    args = parser.parse_args()
    init_default_scope("mmdymu")
    MMLogger.get_instance("mmengine", log_level="ERROR")
    print("backbone    tasks  preferences  trees  before folding  after folding     ONNX  seconds", flush=True)
    for backbone in args.backbones:
        for row, number in enumerate(args.tasks):
            count = len(range(row, args.preferences, len(args.tasks)))
            start = time.monotonic()
            found = measure(build(backbone, TASKS[:number], args.size), count, args.onnx, seed=row)
            print(
                f"{backbone:12s}{number:5d}{count:13d}{found['trees']:7.0f}{found['before']:16.1e}"
                f"{found['after']:15.1e}{found['onnx']:9.1e}{time.monotonic() - start:9.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
