"""Reported costs of a tree against mmengine's counter on the same network written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tiny
import torch
from mmengine.analysis import get_model_complexity_info
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from mmdymu.models import ControllableSegmentor
from mmdymu.models.build import build_part
from mmdymu.registry import MODELS
from mmdymu.tree import BranchingTree

TASKS = ("semseg", "depth", "parts")
SIZE = (64, 96)
MOBILENET = {"type": "mmseg.MobileNetV2", "widen_factor": 0.35, "out_indices": (1, 6)}
ASPP = {
    "type": "mmseg.DepthwiseSeparableASPPHead",
    "in_channels": 112,
    "in_index": 1,
    "channels": 16,
    "dilations": (1, 2, 3),
    "c1_in_channels": 8,
    "c1_channels": 4,
    "norm_cfg": {"type": "BN"},
}
FCN = {**tiny.FCN, "in_channels": 32}


class PlainResNet(nn.Module):
    """The parts of mmseg's ResNet, as a person would list them; ``parts[layer]`` are the five steps."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        net = build_part(config)
        stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.parts = [stem, net.layer1, net.layer2, net.layer3, net.layer4]
        self.outputs = (1, 4)


class PlainMobileNet(nn.Module):
    """As above, for MobileNetV2."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        net = build_part(config)
        self.parts = [net.conv1, *(getattr(net, f"layer{i}") for i in range(1, 8))]
        self.outputs = (2, 7)


class TreeByHand(nn.Module):
    """A network that holds only what a tree uses, and runs each piece once."""

    def __init__(self, streams: list[Any], heads: list[nn.Module], paths: Any) -> None:
        super().__init__()
        self.paths, self.outputs = paths, streams[0].outputs
        names = {(layer, i) for path in paths for layer, i in enumerate(path)}
        self.pieces = nn.ModuleDict({f"{layer}-{i}": streams[i].parts[layer] for layer, i in sorted(names)})
        self.decoders = nn.ModuleList(heads)

    def forward(self, x: Tensor) -> list[Tensor]:
        cache: dict[tuple[int, ...], Tensor] = {(): x}
        results = []
        for path, decoder in zip(self.paths, self.decoders, strict=True):
            for end in range(1, len(path) + 1):
                if path[:end] not in cache:
                    piece = self.pieces[f"{end - 1}-{path[end - 1]}"]
                    cache[path[:end]] = piece(cache[path[: end - 1]])
            results.append(decoder([cache[path[: layer + 1]] for layer in self.outputs]))
        return results


ARCHITECTURES = {"resnet": (tiny.RESNET, FCN, PlainResNet), "mobilenet": (MOBILENET, ASPP, PlainMobileNet)}


def model_of(backbone: dict, decoder: dict) -> ControllableSegmentor:
    init_default_scope("mmdymu")
    heads = {
        "semseg": {**decoder, "num_classes": 4},
        "depth": {"type": "mmdymu.DepthHead", "decoder": {**decoder, "num_classes": 1}},
        "parts": {**decoder, "num_classes": 7},
    }
    return MODELS.build(tiny.model_config(TASKS, stream={"backbone": backbone}, heads=heads, image_size=SIZE))


@pytest.fixture(scope="module", params=ARCHITECTURES)
def case(request: pytest.FixtureRequest) -> Any:
    backbone, decoder, plain = ARCHITECTURES[request.param]
    streams = [plain(backbone) for _ in TASKS]
    return model_of(backbone, decoder), streams, decoder


def trees(num_layers: int) -> list[BranchingTree]:
    rng = np.random.default_rng(0)
    tables = rng.integers(0, 3, (3, num_layers, 3)).tolist()
    drawn = [BranchingTree(tuple(map(tuple, table))) for table in tables]
    return [BranchingTree.separate(3, num_layers), BranchingTree.shared(3, num_layers, 1), *drawn]


@pytest.mark.parametrize("index", range(5))
def test_equals_a_network_written_by_hand(case: Any, index: int) -> None:
    model, streams, decoder = case
    tree = trees(model.num_layers)[index]
    heads = [build_part({**decoder, "num_classes": classes}) for classes in (4, 1, 7)]
    by_hand = TreeByHand(streams, heads, tree.paths).eval()
    counted = get_model_complexity_info(by_hand, (3, *SIZE), show_table=False, show_arch=False)
    assert model.complexity.flops(tree) == pytest.approx(counted["flops"], rel=1e-3)
    assert model.complexity.params(tree) == counted["params"]


def test_counting_leaves_the_model_as_it_was(case: Any) -> None:
    model = model_of(*ARCHITECTURES["resnet"][:2]).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    assert model.complexity.node_params[0][0] > 0
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(v.nan_to_num(), before[k].nan_to_num()) for k, v in model.state_dict().items())


def test_shares_and_sizes(case: Any) -> None:
    model, *_ = case
    complexity, layers = model.complexity, model.num_layers
    assert np.shape(complexity.node_flops) == np.shape(complexity.node_params) == (layers, 3)
    separate, shared = trees(layers)[:2]
    assert complexity.share(separate) == pytest.approx(1)
    assert complexity.share(shared) == pytest.approx(0)
    assert complexity.params(separate) == sum(
        p.numel() for part in (model.backbone, model.heads) for p in part.parameters()
    )
