"""Copies with folded norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import tiny
import torch
from mmseg.models.decode_heads import FCNHead
from mmseg.registry import MODELS as MMSEG_MODELS
from torch import Tensor, nn

from mmdymu.models import ControllableSegmentor
from mmdymu.search.fused import fused_copy
from mmdymu.tree import BranchingTree

TREE = BranchingTree(((0, 0, 2), (1, 0, 2), (0, 0, 2)))


@MMSEG_MODELS.register_module()
class LateNormHead(FCNHead):
    """Its norm is registered behind the classifier, and runs before it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.late = nn.BatchNorm2d(self.channels)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        return self.cls_seg(self.late(self._forward_feature(inputs)))


def build(**head: Any) -> ControllableSegmentor:
    heads = {task: tiny.head(task) for task in tiny.TASKS}
    heads["semseg"] = {**heads["semseg"], **head}
    model = tiny.build_model(stream=tiny.SHORT, heads=heads).eval()
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.5, generator=generator)
            module.running_var.uniform_(0.2, 2, generator=generator)
    return model


@torch.no_grad()
def worst_difference(model: ControllableSegmentor, other: ControllableSegmentor) -> float:
    images = torch.randn(2, 3, *tiny.SIZE)
    pairs = zip(model.run_tree(images, TREE).values(), other.run_tree(images, TREE).values(), strict=True)
    return max(float((a - b).abs().max() / a.abs().max()) for a, b in pairs)


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def test_equal_without_norms() -> None:
    model = build()
    before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
    fused = fused_copy(model)
    assert norms(fused) == 0 < norms(model)
    assert worst_difference(model, fused) < 1e-4
    assert all(torch.equal(model.backbone.state_dict()[name], value) for name, value in before.items())


def test_norms_that_follow_no_convolution_stay(caplog: pytest.LogCaptureFixture) -> None:
    model = build(type="mmseg.LateNormHead")
    fused = fused_copy(model)
    assert norms(fused) == norms(model)
    assert worst_difference(model, fused) < 1e-6


def test_norms_without_parameters_stay() -> None:
    model = build()
    for name, module in list(model.heads.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            holder, _, leaf = name.rpartition(".")
            plain = nn.BatchNorm2d(module.num_features, affine=False).eval()
            setattr(model.heads.get_submodule(holder), leaf, plain)
    assert worst_difference(model, fused_copy(model)) < 1e-6
