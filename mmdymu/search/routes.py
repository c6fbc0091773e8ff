"""Many networks out of one anchor, run together: what they have in common runs once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmdymu.models import ControllableNet
from mmdymu.models.backbones import Node, NodeStates, Rows
from mmdymu.models.backbones.rows import Images, counting_images, take_rows
from mmdymu.models.replacing import with_tensors
from mmdymu.tree import BranchingTree

__all__ = ["Network", "NodeVariants", "Route", "network_of", "run_routes"]

Step = tuple[Node, int]
"""A node and the number of its state in :class:`NodeVariants`."""


@dataclass(frozen=True)
class Route:
    """All that decides a task's raw output for an image.

    Attributes:
        task: Number of the task.
        steps: The L nodes of its path and its head, each with its state.
    """

    task: int
    steps: tuple[Step, ...]


Network = tuple[Route, ...]
"""One route a task."""

Features = tuple[tuple[Tensor, Images], ...]


class NodeVariants:
    """States of nodes by number; equal tensors get the same number, 0 is the node's own state."""

    def __init__(self) -> None:
        self._states: list[Mapping[str, Tensor] | None] = [None]
        self._numbers: dict[tuple[Node, bytes], int] = {}

    def number(self, node: Node, state: Mapping[str, Tensor] | None) -> int:
        """The number of a node's state.

        Args:
            node: (layer, stream); heads are the nodes of layer L.
            state: Tensors that replace the node's own, by name.

        Returns:
            The same number for the same node and equal tensors.
        """
        if not state:
            return 0
        key = (node, _digest(state))
        if key not in self._numbers:
            self._numbers[key] = len(self._states)
            self._states.append(state)
        return self._numbers[key]

    def state(self, step: Step) -> Mapping[str, Tensor] | None:
        """The state behind a step; None is the node's own."""
        return self._states[step[1]]


def network_of(variants: NodeVariants, tree: BranchingTree, states: NodeStates | None = None) -> Network:
    """The routes of a tree whose nodes have the given states.

    Args:
        variants: Where the states are kept.
        tree: Which stream's node feeds which.
        states: Tensors that replace parameters and buffers of nodes; heads are the nodes of layer L.

    Returns:
        One route a task.
    """
    known = states or {}

    def step(node: Node) -> Step:
        return node, variants.number(node, known.get(node))

    return tuple(
        Route(task, tuple(step(node) for node in (*enumerate(path), (tree.num_layers, task))))
        for task, path in enumerate(tree.paths)
    )


@torch.no_grad()
def run_routes(
    model: ControllableNet,
    variants: NodeVariants,
    inputs: Tensor,
    routes: Iterable[Route],
    rows: Rows | None = None,
) -> Iterator[tuple[Route, Tensor]]:
    """Raw head outputs of many routes; steps that routes begin with in common run once.

    Args:
        model: The anchor's nodes and heads.
        variants: The states that the routes speak of.
        inputs: (B, 3, H, W) images, normalised.
        routes: What to run.
        rows: Per task the images that count for it; None runs all images everywhere.

    Yields:
        Each route once, with the output that :meth:`AnchorNet.run_tree` gives; a task without images has none.
    """
    unique = tuple(dict.fromkeys(routes))
    if unique:
        yield from _Walk(model, variants, rows).nodes(0, inputs, tuple(range(len(inputs))), (), unique)


class _Walk:
    """Depth first, so that only the features of one way from the image to the heads are kept."""

    def __init__(self, model: ControllableNet, variants: NodeVariants, rows: Rows | None) -> None:
        self.model, self.variants, self.rows = model, variants, rows

    def nodes(
        self, layer: int, x: Tensor, held: Images, features: Features, routes: Sequence[Route]
    ) -> Iterator[tuple[Route, Tensor]]:
        """Runs the next nodes of routes that agree up to here.

        Args:
            layer: Of the nodes; behind the last one come the heads.
            x: What the nodes read.
            held: Numbers of the images in ``x``.
            features: Outputs so far that heads see, with their images.
            routes: They begin with the same steps.

        Yields:
            The routes and their outputs.
        """
        if layer == self.model.num_layers:
            yield from self.heads(features, routes)
            return
        for step, following in _groups(routes, layer).items():
            wanted = self.images(following, held)
            if not wanted:
                continue
            y = _run_node(self.model, self.variants, step, take_rows(x, held, wanted))
            seen = (*features, (y, wanted)) if layer in self.model.backbone.out_layers else features
            yield from self.nodes(layer + 1, y, wanted, seen, following)

    def heads(self, features: Features, routes: Sequence[Route]) -> Iterator[tuple[Route, Tensor]]:
        """Runs the heads of routes that agree in all nodes."""
        for route in routes:
            if self.rows is not None and not self.rows[route.task]:
                continue
            node, number = route.steps[-1]
            head = self.model.heads[self.model.tasks[route.task]]
            state = self.variants.state((node, number))
            own = tuple(take_rows(y, held, self.images([route], held)) for y, held in features)
            yield route, (with_tensors(head, state) if state else head)(own)

    def images(self, routes: Sequence[Route], held: Images) -> Images:
        """Images that count for any of the routes."""
        return counting_images((route.task for route in routes), self.rows, held)


def _groups(routes: Sequence[Route], layer: int) -> dict[Step, list[Route]]:
    groups: dict[Step, list[Route]] = {}
    for route in routes:
        groups.setdefault(route.steps[layer], []).append(route)
    return groups


def _run_node(model: ControllableNet, variants: NodeVariants, step: Step, x: Tensor) -> Tensor:
    state = variants.state(step)
    return model.backbone.run_node(step[0], x, {step[0]: state} if state else None)


def _digest(state: Mapping[str, Tensor]) -> bytes:
    digest = hashlib.blake2b()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
        digest.update(value.view(torch.uint8).numpy().tobytes() if value.ndim else str(value.item()).encode())
    return digest.digest()
