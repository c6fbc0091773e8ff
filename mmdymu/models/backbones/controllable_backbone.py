"""N streams whose nodes are wired by a tree (testing) or by soft decisions (training)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from mmdymu.registry import MODELS
from mmdymu.tree import BranchingTree

from ..replacing import with_tensors
from ..streams import Stream, copy_weights
from .rows import Rows, node_rows, take_rows

Node = tuple[int, int]
"""(layer, stream)."""

NodeStates = Mapping[Node, Mapping[str, Tensor]]
"""Tensors that replace a node's own parameters and buffers for one call, by name inside the node."""


@MODELS.register_module()
class ControllableBackbone(nn.Module):
    """The anchor's backbone: N streams of one architecture, the warehouse of every tree's nodes.

    Source: method of "Controllable Dynamic Multi-Task Architectures" (CVPR 2022), section 3.

    Args:
        streams: N streams of one architecture, in task order.
    """

    def __init__(self, streams: Sequence[Stream]) -> None:
        super().__init__()
        self.streams = nn.ModuleList(streams)

    @property
    def num_streams(self) -> int:
        """Number of streams, N."""
        return len(self.streams)

    @property
    def num_layers(self) -> int:
        """Number of layers of a stream, L."""
        return self.stream(0).num_layers

    @property
    def out_layers(self) -> tuple[int, ...]:
        """Layers whose outputs the heads see."""
        return self.stream(0).out_layers

    @property
    def pretrained(self) -> str | None:
        """Where the streams' common initial weights come from; None if they are random."""
        return self.stream(0).pretrained

    def init_weights(self) -> None:
        """Gives all streams one common initialisation: sharing across unlike starts ruins the tasks."""
        self.stream(0).init_weights()
        for stream in self.streams[1:]:
            copy_weights(self.streams[0], stream)

    def stream(self, index: int) -> Stream:
        """The stream of a task."""
        return cast(Stream, self.streams[index])

    def node(self, node: Node) -> nn.Module:
        """The module of node (layer, stream)."""
        layer, stream = node
        return self.stream(stream).nodes[layer]

    def run_node(self, node: Node, x: Tensor, node_states: NodeStates | None = None) -> Tensor:
        """Runs one node, with its state replaced where ``node_states`` has an entry for it."""
        state = node_states.get(node) if node_states else None
        module = self.node(node)
        return (with_tensors(module, state) if state else module)(x)

    def forward(
        self, x: Tensor, tree: BranchingTree, node_states: NodeStates | None = None, rows: Rows | None = None
    ) -> list[tuple[Tensor, ...]]:
        """Runs the used nodes of a tree, each once.

        Args:
            x: (B, 3, H, W) images, normalised.
            tree: Which stream's node feeds which.
            node_states: Replacements of norm parameters and statistics for single nodes.
            rows: Per task the images that count for it; a node then runs only the images of the tasks above it, and
                none at all if there are none. None runs all images everywhere.

        Returns:
            For each task the features of the output layers along its own path, as mmseg's heads expect them; with
            ``rows`` those of the task's own images, and () for a task without images.
        """
        if rows is not None:
            return self._forward_rows(x, tree, node_states, rows)
        outputs: list[dict[int, Tensor]] = []
        for layer, streams in enumerate(tree.used_nodes):
            parents = tree.parents[layer - 1]
            inputs = {i: outputs[-1][parents[i]] if layer else x for i in streams}
            outputs.append({i: self.run_node((layer, i), inputs[i], node_states) for i in streams})
            if layer and layer - 1 not in self.out_layers:
                outputs[layer - 1] = {}
        return [tuple(outputs[layer][path[layer]] for layer in self.out_layers) for path in tree.paths]

    def _forward_rows(
        self, x: Tensor, tree: BranchingTree, node_states: NodeStates | None, rows: Rows
    ) -> list[tuple[Tensor, ...]]:
        passing, everything = node_rows(tree, rows), range(len(x))
        outputs: list[dict[int, Tensor]] = []
        for layer, nodes in enumerate(passing):
            outputs.append({})
            for stream, wanted in nodes.items():
                parent = tree.parents[layer - 1][stream]
                source, held = (
                    (outputs[layer - 1].get(parent), passing[layer - 1][parent]) if layer else (x, everything)
                )
                if source is not None and wanted:
                    outputs[layer][stream] = self.run_node(
                        (layer, stream), take_rows(source, held, wanted), node_states
                    )
            if layer and layer - 1 not in self.out_layers:
                outputs[layer - 1] = {}
        return [
            tuple(take_rows(outputs[layer][path[layer]], passing[layer][path[layer]], own) for layer in self.out_layers)
            if own
            else ()
            for path, own in zip(tree.paths, rows, strict=True)
        ]

    def forward_soft(
        self, x: Tensor, edge_probs: Tensor, node_states: NodeStates | None = None
    ) -> list[tuple[Tensor, ...]]:
        """Runs all nodes; every input is the mean of the layer below under the decision's probabilities.

        Features of early layers are the mean over the nodes that the head's path may go through. One-hot
        probabilities give the tensors of :meth:`forward`.

        Args:
            x: (B, 3, H, W) images, normalised.
            edge_probs: (L, N, N), or (B, L, N, N) for one preference an image; [l, j, k] is the probability
                that node (l+1, j) takes node (l, k).
            node_states: As in :meth:`forward`.

        Returns:
            As :meth:`forward`.
        """
        edges = edge_probs.expand(len(x), *edge_probs.shape[-3:])
        layers: list[Tensor] = []
        for layer in range(self.num_layers):
            inputs = _mix(edges[:, layer - 1], layers[-1]) if layer else [x] * self.num_streams
            outputs = [self.run_node((layer, i), inputs[i], node_states) for i in range(self.num_streams)]
            layers.append(torch.stack(outputs, dim=1))
        reach = _path_probabilities(edges)
        mixed = {layer: _mix(reach[layer], layers[layer]) for layer in self.out_layers}
        return [tuple(mixed[layer][task] for layer in self.out_layers) for task in range(self.num_streams)]


def _mix(weights: Tensor, outputs: Tensor) -> list[Tensor]:
    """Means of (B, N, C, …) node outputs under (B, N children, N parents) weights, one tensor a child."""
    return list(torch.einsum("bjk,bk...->jb...", weights, outputs).unbind(0))


def _path_probabilities(edges: Tensor) -> list[Tensor]:
    """For each layer (B, N heads, N nodes): the probability that a head's path goes through a node."""
    reach = [edges[:, -1]]
    for layer in range(edges.shape[1] - 2, -1, -1):
        reach.insert(0, reach[0] @ edges[:, layer])
    return reach
