"""The anchor's training, and the shared start before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmdymu.models import ControllableNet
from mmdymu.models.streams import copy_weights
from mmdymu.registry import OBJECTIVES
from mmdymu.tree import BranchingTree

from .base import StageObjective


@OBJECTIVES.register_module()
class AnchorObjective(StageObjective):
    """N single-task networks side by side: every stream and head learns from its own task alone."""

    def trained_modules(self, model: ControllableNet) -> Sequence[nn.Module]:
        """All streams and heads."""
        return [model.backbone, model.heads]

    def losses(self, model: ControllableNet, **batch: Any) -> dict[str, Tensor]:
        """One loss a task; no parameter is in two of them."""
        return _single_losses(model, model.anchor_tree, {}, **batch)


@OBJECTIVES.register_module()
class TrunkObjective(StageObjective):
    """A short shared-trunk training that gives all streams their common start where no pretrained weights exist.

    Args:
        loss_weights: Weight of each task's loss; 1 where a task is not named.
    """

    def __init__(self, loss_weights: Mapping[str, float] | None = None) -> None:
        self.loss_weights = dict(loss_weights or {})

    def trained_modules(self, model: ControllableNet) -> Sequence[nn.Module]:
        """The first stream, as everybody's trunk, and all heads."""
        return [model.backbone.streams[0], model.heads]

    def losses(self, model: ControllableNet, **batch: Any) -> dict[str, Tensor]:
        """Weighted task losses of the shared trunk."""
        tree = BranchingTree.shared(model.num_tasks, model.num_layers, 0)
        return _single_losses(model, tree, self.loss_weights, **batch)

    def finish(self, model: ControllableNet) -> None:
        """Copies the trunk into every stream."""
        for stream in model.backbone.streams[1:]:
            copy_weights(model.backbone.streams[0], stream)


def _single_losses(
    model: ControllableNet, tree: BranchingTree, loss_weights: Mapping[str, float], **batch: Any
) -> dict[str, Tensor]:
    losses, logs = model.tree_losses(batch["inputs"], batch["data_samples"], tree)
    weights = torch.tensor([loss_weights.get(task, 1.0) for task in model.tasks], device=losses.device)
    return {**{f"{task}.loss": loss for task, loss in zip(model.tasks, weights * losses, strict=True)}, **logs}
