"""Small networks of every kind that is fixed, with norms that are worth folding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tiny
import tiny_classes
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmdymu.models import ControllableNet
from mmdymu.preference import Preference
from mmdymu.tree import BranchingTree

FIVE = ("semseg", "parts", "saliency", "normals", "edges")
NORM = {"type": "BN", "requires_grad": True}
RESNET50 = {**tiny.RESNET, "depth": 50, "dilations": (1, 1, 1, 2)}
MOBILENET = {
    "type": "mmseg.MobileNetV2",
    "widen_factor": 0.1,
    "strides": (1, 2, 2, 2, 1, 1, 1),
    "dilations": (1, 1, 1, 1, 1, 2, 2),
    "out_indices": (1, 6),
    "norm_cfg": NORM,
}
# Backbone, its last and its first output channels.
BACKBONES = {"resnet18": (tiny.RESNET, 32, 4), "resnet50": (RESNET50, 128, 16), "mobilenet": (MOBILENET, 32, 8)}


def decoder(kind: str, channels: int, first: int, classes: int, **changes: Any) -> dict[str, Any]:
    """Config of an mmseg head."""
    sizes = {"in_channels": channels, "in_index": -1, "channels": 4, "num_classes": classes, "norm_cfg": NORM}
    more: dict[str, Any] = {
        "DepthwiseSeparableASPPHead": {"dilations": (1, 3), "c1_in_channels": first, "c1_channels": 2},
        "ASPPHead": {"dilations": (1, 3)},
        "PSPHead": {"pool_scales": (1, 2)},
        "FCNHead": {"num_convs": 1},
    }[kind]
    return {"type": f"mmseg.{kind}", **sizes, **more, **changes}


def head(task: str, kind: str, channels: int, first: int, **changes: Any) -> dict[str, Any]:
    """Config of a task's head."""
    ours = {
        "depth": ("DepthHead", 1),
        "normals": ("NormalsHead", 3),
        "saliency": ("SaliencyHead", 1),
        "edges": ("EdgesHead", 1),
    }
    if task in ours:
        name, classes = ours[task]
        return {"type": f"mmdymu.{name}", "decoder": decoder(kind, channels, first, classes, **changes)}
    return decoder(kind, channels, first, 4, **changes)


def build(
    backbone: str = "resnet18",
    kind: str | Mapping[str, str] = "DepthwiseSeparableASPPHead",
    tasks: Sequence[str] = tiny.TASKS,
    head_changes: dict[str, Any] | None = None,
    **changes: Any,
) -> ControllableNet:
    """A segmentor that looks trained."""
    config, channels, first = BACKBONES[backbone]
    kinds = dict.fromkeys(tasks, kind) if isinstance(kind, str) else kind
    heads = {task: head(task, kinds[task], channels, first, **(head_changes or {})) for task in tasks}
    return look_trained(tiny.build_model(tasks, stream={"backbone": dict(config)}, heads=heads, **changes))


def build_classifier(tasks: Sequence[str] = tiny_classes.TASKS, **changes: Any) -> ControllableNet:
    """A classifier that looks trained."""
    return look_trained(tiny_classes.build_model(tasks, **changes))


def on_one_trunk(model: ControllableNet) -> ControllableNet:
    """The model with a small tree selected."""
    tree = BranchingTree.shared(model.num_tasks, model.num_layers, 1)
    model.set_preference(Preference.uniform(model.tasks), tree)
    return model


@torch.no_grad()
def look_trained(model: ControllableNet) -> ControllableNet:
    """Gives norms statistics and parameters of their own, and hypernets something to say."""
    generator = torch.Generator().manual_seed(1)

    def noise(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator)

    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean.copy_(0.3 * noise(module.running_mean))
            module.running_var.copy_(1 + noise(module.running_var).square())
            module.weight.add_(0.3 * noise(module.weight))
            module.bias.add_(0.3 * noise(module.bias))
    for hypernet in (model.edge_hypernet, model.weight_hypernet):
        for parameter in hypernet.parameters() if isinstance(hypernet, nn.Module) else ():
            parameter.add_(0.1 * noise(parameter))
    model.loss_scale.fill_(1.0)
    return model.eval()


def preferences(model: ControllableNet, count: int, seed: int = 0) -> list[Preference]:
    """Drawn from the simplex, with cost weights."""
    rng = np.random.default_rng(seed)
    return [Preference.sample(model.tasks, rng) for _ in range(count)]


def images(batch: int = 2, size: tuple[int, int] = tiny.SIZE, seed: int = 0) -> Tensor:
    """Normalised images."""
    return torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(seed))


def byte_images(batch: int = 2, size: tuple[int, int] = tiny.SIZE) -> Tensor:
    """Images as they are read."""
    return torch.randint(0, 256, (batch, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def difference(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> float:
    """Largest difference as a share of the task's largest value."""
    assert list(found) == list(wanted)
    # Unlike Python's, torch's maximum is NaN if one of the numbers is.
    largest = {task: output.abs().max().clamp(min=1e-12) for task, output in wanted.items()}
    shares = [(found[task] - wanted[task]).abs().max() / largest[task] for task in wanted]
    return float(torch.stack(shares).max())
