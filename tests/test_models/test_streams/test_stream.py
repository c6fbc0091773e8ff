"""A stream computes what the backbone that it wraps computes, and takes its weights."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from mmdymu.models.build import build_part
from mmdymu.models.streams import build_stream, copy_weights

NARROW = {"stem_channels": 8, "base_channels": 8}
BACKBONES: dict[str, dict[str, Any]] = {
    "mmseg-resnet18": {"type": "mmseg.ResNet", "depth": 18, **NARROW},
    "mmseg-resnet50-dilated": {
        "type": "mmseg.ResNet",
        "depth": 50,
        **NARROW,
        "strides": (1, 2, 1, 1),
        "dilations": (1, 1, 2, 4),
        "contract_dilation": True,
    },
    "mmseg-resnet-v1c": {"type": "mmseg.ResNetV1c", "depth": 18, **NARROW, "out_indices": (0, 3)},
    "mmpretrain-resnet18": {"type": "mmpretrain.ResNet", "depth": 18, **NARROW},
    "mmpretrain-resnet34": {"type": "mmpretrain.ResNet", "depth": 34, **NARROW, "out_indices": (0, 1, 2, 3)},
    "mmseg-mobilenet0.35": {"type": "mmseg.MobileNetV2", "widen_factor": 0.35, "out_indices": (1, 2, 4, 6)},
    "mmseg-mobilenet1.0": {"type": "mmseg.MobileNetV2", "widen_factor": 1.0},
    "mmpretrain-mobilenet0.35": {"type": "mmpretrain.MobileNetV2", "widen_factor": 0.35},
    "mmpretrain-mobilenet1.0": {
        "type": "mmpretrain.MobileNetV2",
        "widen_factor": 1.0,
        "out_indices": (1, 6),
    },
    "resnet9": {"type": "mmdymu.ResNet9", "base_channels": 4},
}
RESNET = BACKBONES["mmseg-resnet18"]


def randomise_norms(module: nn.Module) -> None:
    """Fresh norms are the identity in evaluation mode and would hide mistakes."""
    for name, value in module.state_dict().items():
        if name.endswith("running_mean"):
            value.copy_(0.1 * torch.randn_like(value))
        if name.endswith("running_var"):
            value.copy_(0.1 + torch.rand_like(value))


@pytest.mark.parametrize("granularity", ["stage", "block"])
@pytest.mark.parametrize("name", BACKBONES)
def test_equals_the_wrapped_backbone_bit_for_bit(name: str, granularity: str) -> None:
    backbone = build_part(BACKBONES[name])
    randomise_norms(backbone)
    reference = copy.deepcopy(backbone)
    stream = build_stream(backbone, granularity)
    x = torch.randn(2, 3, 64, 64)
    for training in (False, True):
        reference.train(training)
        stream.train(training)
        expected, found = reference(x), stream(x)
        assert len(expected) == len(found) == len(stream.out_layers)
        assert all(feature.any() for feature in expected)
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    # Training updates the same statistics in the same way.
    renamed = {key.split(".", 2)[2]: value for key, value in stream.state_dict().items()}
    state = reference.state_dict()
    assert renamed.keys() <= state.keys()
    assert all(torch.equal(value, state[key]) for key, value in renamed.items())


@pytest.mark.parametrize(
    ("name", "granularity", "layers", "outputs"),
    [
        ("mmseg-resnet18", "stage", 5, (1, 2, 3, 4)),
        ("mmseg-resnet18", "block", 9, (2, 4, 6, 8)),
        ("mmseg-resnet50-dilated", "block", 17, (3, 7, 13, 16)),
        ("mmseg-resnet-v1c", "stage", 5, (1, 4)),
        ("mmpretrain-resnet34", "block", 17, (3, 7, 13, 16)),
        ("mmseg-mobilenet0.35", "stage", 8, (2, 3, 5, 7)),
        ("mmseg-mobilenet0.35", "block", 18, (3, 6, 13, 17)),
        ("mmpretrain-mobilenet0.35", "stage", 9, (8,)),
        ("mmpretrain-mobilenet1.0", "stage", 8, (2, 7)),
    ],
)
def test_layers_and_output_layers(name: str, granularity: str, layers: int, outputs: tuple[int, ...]) -> None:
    stream = build_stream(BACKBONES[name], granularity)
    assert (stream.num_layers, stream.out_layers) == (layers, outputs)


def test_every_parameter_is_in_one_node_only() -> None:
    backbone = build_part(RESNET)
    stream = build_stream(backbone, "block")
    assert {id(p) for p in stream.parameters()} == {id(p) for p in backbone.parameters()}
    per_node = [sum(p.numel() for p in node.parameters()) for node in stream.nodes]
    assert sum(per_node) == sum(p.numel() for p in backbone.parameters())


def test_nodes_run_one_after_another() -> None:
    stream = build_stream(RESNET).eval()
    x = outputs = torch.randn(1, 3, 32, 32)
    collected = []
    for layer, node in enumerate(stream.nodes):
        outputs = node(outputs)
        if layer in stream.out_layers:
            collected.append(outputs)
    assert all(torch.equal(a, b) for a, b in zip(collected, stream(x), strict=True))


@pytest.mark.parametrize(
    ("granularity", "merge", "outputs"),
    [("stage", (2, 1, 1, 1), (0, 1, 2, 3)), ("block", (1, 2, 2, 2, 2), (1, 2, 3, 4))],
)
def test_merging_changes_nodes_and_not_results(
    granularity: str, merge: tuple[int, ...], outputs: tuple[int, ...]
) -> None:
    backbone = build_part(RESNET)
    merged = build_stream(copy.deepcopy(backbone), granularity, merge).eval()
    plain = build_stream(backbone, granularity).eval()
    assert (merged.num_layers, merged.out_layers) == (len(merge), outputs)
    x = torch.randn(1, 3, 32, 32)
    assert all(torch.equal(a, b) for a, b in zip(merged(x), plain(x), strict=True))


def test_merging_everything_gives_one_node() -> None:
    backbone = {**RESNET, "out_indices": (3,)}
    stream = build_stream(backbone, merge=[5])
    assert (stream.num_layers, stream.out_layers) == (1, (0,))


@pytest.mark.parametrize(
    ("merge", "message"),
    [
        ((2, 2), "merge=(2, 2) must be positive group sizes that sum to 5 units"),
        ((5, 1), "sum to 5"),
        ((5, 0), "positive"),
        ((), "sum to 5"),
        ((1, 2, 1, 1), "merge=(1, 2, 1, 1) puts units ['layer1', 'layer2'] into one node"),
    ],
)
def test_refuses_a_bad_merge(merge: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        build_stream(RESNET, merge=merge)
    assert message in str(caught.value)


def test_copied_weights_give_equal_results() -> None:
    first, second = build_stream(RESNET).eval(), build_stream(RESNET).eval()
    randomise_norms(first)
    x = torch.randn(1, 3, 32, 32)
    assert not torch.equal(first(x)[-1], second(x)[-1])
    copy_weights(first, second)
    assert torch.equal(first(x)[-1], second(x)[-1])
    # A copy, not a reference.
    next(first.parameters()).data.add_(1)
    assert not torch.equal(first(x)[0], second(x)[0])
