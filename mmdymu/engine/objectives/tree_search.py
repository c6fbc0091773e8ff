"""What searches for one static tree have in common."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmdymu.models import ControllableNet, FreeEdges
from mmdymu.tree import BranchingTree

from ..frames import Frames
from .base import StageObjective
from .loss_scale import LossWeights, take_loss_scale


class TreeSearchObjective(StageObjective):
    """Trains streams, heads and :class:`FreeEdges` together on Σ_i w_i L_i, and ends with a tree.

    The tree is written into the edges, so that :meth:`ControllableNet.predict_tree` gives it for every preference. The
    streams have been trained as one super-net: a following stage trains the tree from the initial weights.

    Args:
        loss_weights: w_i by task, or a checkpoint whose ``loss_scale`` holds them or whose single-task nets are
            measured; None takes what an earlier stage has left, and 1 without.
        temperature: That of the Gumbel-softmax decisions at the beginning and at the end.
        images: Training images for w where a checkpoint's nets are measured.

    Raises:
        ValueError: If a temperature is not positive.
    """

    def __init__(
        self, loss_weights: LossWeights = None, temperature: tuple[float, float] = (5.0, 0.1), images: int = 32
    ) -> None:
        if len(temperature) != 2 or min(temperature) <= 0:
            raise ValueError(f"temperature={temperature!r} must be two positive numbers, at the beginning and the end")
        self.loss_weights, self.temperature, self.images = loss_weights, tuple(temperature), images

    def trained_modules(self, model: ControllableNet) -> Sequence[nn.Module]:
        """Streams, heads and edges.

        Raises:
            ValueError: If the model has an edge hypernet in the edges' place.
        """
        return [model.backbone, model.heads, free_edges(model)]

    def prepare(self, model: ControllableNet, frames: Frames, *, resumed: bool) -> None:
        """Writes w into the model and counts costs."""
        if not (resumed and model.has_loss_scale):
            take_loss_scale(model, self.loss_weights, frames, self.images)
        self._node_flops = torch.tensor(model.complexity.node_flops, device=model.loss_scale.device)

    def decode(self, logits: Tensor) -> BranchingTree:
        """The tree of (L, N, N) trained logits."""
        raise NotImplementedError

    def finish(self, model: ControllableNet) -> None:
        """Decodes the tree and writes it into the edges."""
        edges = free_edges(model)
        tree = self.decode(edges.logits.detach().cpu())
        edges.decide(tree)
        print_log(f"the search found:\n{tree.draw(model.tasks)}", "current")


def free_edges(model: ControllableNet) -> FreeEdges:
    """The model's trainable edges.

    Raises:
        ValueError: If it has an edge hypernet in their place.
    """
    edges = model.edge_hypernet
    if not isinstance(edges, FreeEdges):
        found = type(edges).__name__
        raise ValueError(f"a search for a static tree needs model.edge_hypernet=dict(type='FreeEdges'), found {found}")
    return edges
