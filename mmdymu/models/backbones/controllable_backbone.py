"""N streams whose nodes are wired by a tree (testing) or by soft decisions (training)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from mmdymu.registry import MODELS
from mmdymu.tree import BranchingTree

from ..replacing import with_tensors
from ..streams import Stream, copy_weights
from .rows import Images, Rows, counting_images, take_rows

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
        found = dict(self.walk(x, tree, node_states, rows))
        return [found.get(task, ()) for task in range(tree.num_tasks)]

    def walk(
        self, x: Tensor, tree: BranchingTree, node_states: NodeStates | None = None, rows: Rows | None = None
    ) -> Iterator[tuple[int, tuple[Tensor, ...]]]:
        """As :meth:`forward`, one task after another, so that heads can run before other branches take memory.

        Depth first: without gradients, only what is left to do with a node's output keeps it.

        Yields:
            Numbers of tasks and their features; none for a task without images.
        """
        everything = tuple(range(len(x)))
        due = list(_branches(tree, rows, 0, x, everything, (), tuple(range(tree.num_tasks))))
        del x
        while due:
            branch = due.pop()
            layer, above = branch.node[0], branch.tasks
            wanted = counting_images(above, rows, branch.held)
            y = self.run_node(branch.node, take_rows(branch.x, branch.held, wanted), node_states)
            seen = (*branch.seen, (y, wanted)) if layer in self.out_layers else branch.seen
            if layer + 1 < self.num_layers:
                due += _branches(tree, rows, layer + 1, y, wanted, seen, above)
                continue
            for task in above:
                own = counting_images((task,), rows, wanted)
                if own or rows is None:
                    yield task, tuple(take_rows(features, held, own) for features, held in seen)
            del branch, y, seen

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


class _Branch(NamedTuple):
    """A node that is to run, for the tasks whose paths go through it."""

    node: Node
    x: Tensor
    held: Images
    seen: tuple[tuple[Tensor, Images], ...]
    tasks: tuple[int, ...]


def _branches(
    tree: BranchingTree,
    rows: Rows | None,
    layer: int,
    x: Tensor,
    held: Images,
    seen: tuple[tuple[Tensor, Images], ...],
    tasks: tuple[int, ...],
) -> Iterator[_Branch]:
    """The nodes of a layer that read one tensor, the last one first; none where no image counts."""
    streams = dict.fromkeys(tree.paths[task][layer] for task in tasks)
    for stream in reversed(streams):
        above = tuple(task for task in tasks if tree.paths[task][layer] == stream)
        if rows is None or counting_images(above, rows, held):
            yield _Branch((layer, stream), x, held, seen, above)


def _mix(weights: Tensor, outputs: Tensor) -> list[Tensor]:
    """Means of (B, N, C, …) node outputs under (B, N children, N parents) weights, one tensor a child."""
    return list(torch.einsum("bjk,bk...->jb...", weights, outputs).unbind(0))


def _path_probabilities(edges: Tensor) -> list[Tensor]:
    """For each layer (B, N heads, N nodes): the probability that a head's path goes through a node."""
    reach = [edges[:, -1]]
    for layer in range(edges.shape[1] - 2, -1, -1):
        reach.insert(0, reach[0] @ edges[:, layer])
    return reach
