"""What a tree costs: multiply-adds and parameters of nodes and heads, by mmengine's counter."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmengine.analysis import FlopAnalyzer
from torch import Tensor, nn

from mmdymu.tree import BranchingTree

from .backbones import ControllableBackbone


@dataclass(frozen=True)
class Complexity:
    """Costs of an anchor's parts for one image.

    Attributes:
        node_flops: (L, N) multiply-adds of the nodes, as mmengine counts them.
        head_flops: (N,) multiply-adds of the heads.
        node_params: (L, N) parameters of the nodes.
        head_params: (N,) parameters of the heads.
        input_shape: (3, H, W) of the image that was counted.
    """

    node_flops: tuple[tuple[float, ...], ...]
    head_flops: tuple[float, ...]
    node_params: tuple[tuple[int, ...], ...]
    head_params: tuple[int, ...]
    input_shape: tuple[int, ...]

    def flops(self, tree: BranchingTree) -> float:
        """Multiply-adds of a tree, its heads included."""
        return tree.cost(self.node_flops) + sum(self.head_flops)

    def params(self, tree: BranchingTree) -> int:
        """Parameters of a tree, its heads included; the hypernets are not part of the network that runs."""
        return int(tree.cost(self.node_params)) + sum(self.head_params)

    def share(self, tree: BranchingTree) -> float:
        """Controllable share s of the backbone: 0 = one trunk, 1 = all separate."""
        return tree.share(self.node_flops)


@torch.no_grad()
def count_complexity(
    backbone: ControllableBackbone, heads: Sequence[nn.Module], input_shape: Sequence[int]
) -> Complexity:
    """Counts every node and head once.

    Args:
        backbone: The streams; they are of one architecture, so only the first is counted.
        heads: The heads, in task order.
        input_shape: (3, H, W) of an image.

    Returns:
        The costs of all parts.
    """
    parameter = next(backbone.parameters())
    x: Tensor = torch.zeros(1, *input_shape, device=parameter.device, dtype=parameter.dtype)
    features, node_flops, node_params = [], [], []
    for layer, node in enumerate(backbone.stream(0).nodes):
        node_flops.append((_flops(node, x),) * backbone.num_streams)
        node_params.append((_params(node),) * backbone.num_streams)
        x = copy.deepcopy(node).eval()(x)
        if layer in backbone.out_layers:
            features.append(x)
    return Complexity(
        node_flops=tuple(node_flops),
        head_flops=tuple(_flops(head, tuple(features)) for head in heads),
        node_params=tuple(node_params),
        head_params=tuple(_params(head) for head in heads),
        input_shape=tuple(input_shape),
    )


def _flops(module: nn.Module, inputs: Tensor | tuple[Tensor, ...]) -> float:
    # A copy, because tracing in training mode would touch the norm statistics.
    analyzer = FlopAnalyzer(copy.deepcopy(module).eval(), (inputs,))
    analyzer.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return float(analyzer.total())


def _params(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
