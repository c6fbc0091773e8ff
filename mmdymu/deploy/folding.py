"""Batch norms written into the convolutions before them."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

__all__ = ["fold_norms", "folded"]


def folded(
    weight: Tensor, bias: Tensor | None, norm: _BatchNorm, channel_dim: int = 0, groups: int = 1
) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution that computes convolution and norm: W·γ/σ and (b − μ)·γ/σ + β.

    Args:
        weight: Of the convolution; ``channel_dim`` counts its output channels.
        bias: (C,), or None.
        norm: A batch norm of C channels with running statistics.
        channel_dim: 0, or 1 for a transposed convolution.
        groups: Of a transposed convolution, whose weight has the output channels of one group only.

    Returns:
        Both in the weight's type; computed in double precision, so that folding itself rounds once.
    """
    mean, variance = (norm.get_buffer(name).double() for name in ("running_mean", "running_var"))
    scale = (variance + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.double()
    shift = mean.neg() if bias is None else bias.double() - mean
    offset = 0.0 if norm.bias is None else norm.bias.double()
    if channel_dim == 0:
        factor = scale.view(-1, *[1] * (weight.dim() - 1))
    else:
        # (in, out / groups, …): the inputs of a group meet the outputs of the same group.
        per_group = scale.view(groups, -1).repeat_interleave(weight.size(0) // groups, dim=0)
        factor = per_group.view(weight.size(0), -1, *[1] * (weight.dim() - 2))
    return (weight.double() * factor).to(weight), (shift * scale + offset).to(weight)


@torch.no_grad()
def fold_norms(network: GraphModule) -> int:
    """Folds every batch norm that reads nothing but a convolution's output, where nobody else reads it.

    Pairs come from the graph, the order in which layers run: the order in which they are registered says nothing.
    Other norms stay as they are.

    Args:
        network: In evaluation mode; changed in place.

    Returns:
        Number of norms that were folded.
    """
    pairs = [pair for node in network.graph.nodes if (pair := _pair(network, node))]
    for conv_node, norm_node in pairs:
        conv, norm = _layer(network, conv_node), _layer(network, norm_node)
        assert isinstance(conv, _ConvNd)
        assert isinstance(norm, _BatchNorm)
        transposed = isinstance(conv, _ConvTransposeNd)
        weight, bias = folded(conv.weight, conv.bias, norm, int(transposed), conv.groups)
        merged = copy.copy(conv)
        merged._parameters = {
            "weight": nn.Parameter(weight, requires_grad=False),
            "bias": nn.Parameter(bias, requires_grad=False),
        }
        network.set_submodule(str(conv_node.target), merged)
        norm_node.replace_all_uses_with(conv_node)
        network.graph.erase_node(norm_node)
    network.graph.lint()
    network.recompile()
    network.delete_all_unused_submodules()
    return len(pairs)


def _pair(network: GraphModule, node: Node) -> tuple[Node, Node] | None:
    """(convolution, norm) if the node is a norm that can be folded."""
    norm = _layer(network, node)
    if not isinstance(norm, _BatchNorm) or norm.running_mean is None or not isinstance(node.args[0], Node):
        return None
    before = node.args[0]
    conv = _layer(network, before)
    single = len(before.users) == 1 and _calls(network, before) == 1 and _calls(network, node) == 1
    return (before, node) if isinstance(conv, _ConvNd) and single else None


def _calls(network: GraphModule, node: Node) -> int:
    return sum(other.op == "call_module" and other.target == node.target for other in network.graph.nodes)


def _layer(network: GraphModule, node: Node) -> nn.Module | None:
    return network.get_submodule(str(node.target)) if node.op == "call_module" else None
