"""The anchor's training, and the shared start before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import broadcast
from mmengine.logging import print_log
from torch import Tensor, nn

from mmdymu.models import ControllableNet
from mmdymu.models.streams import copy_weights
from mmdymu.registry import OBJECTIVES
from mmdymu.tree import BranchingTree

from ..frames import Frames, joined
from .base import StageObjective, log_losses
from .single_losses import anchor_losses, inverse_losses

INVERSE = "inverse"


@OBJECTIVES.register_module()
class AnchorObjective(StageObjective):
    """N single-task networks side by side: every stream and head learns from its own task alone.

    Args:
        scale_images: Training images on which the finished nets' losses are measured, for the buffer ``loss_scale``
            (w_i = 1 / loss): networks of other runs can then be trained with the same weights. 0 leaves it to the edges
            stage, which needs it when it begins.
    """

    def __init__(self, scale_images: int = 0) -> None:
        if not isinstance(scale_images, int) or isinstance(scale_images, bool) or scale_images < 0:
            raise ValueError(f"scale_images={scale_images!r} must be a whole number, at least 0")
        self.scale_images = scale_images
        self._frames: Frames | None = None

    def prepare(self, model: ControllableNet, frames: Frames, *, resumed: bool) -> None:
        """Keeps the training images for the end."""
        self._frames = frames

    def trained_modules(self, model: ControllableNet) -> Sequence[nn.Module]:
        """All streams and heads."""
        return [model.backbone, model.heads]

    def losses(self, model: ControllableNet, **batch: Any) -> dict[str, Tensor]:
        """One loss a task; no parameter is in two of them."""
        losses, logs = model.tree_losses(batch["inputs"], batch["data_samples"], model.anchor_tree)
        return {**_named(model, losses, "loss"), **logs}

    def finish(self, model: ControllableNet) -> None:
        """Measures the loss scale, where it is asked for."""
        if not self.scale_images or self._frames is None:
            return
        model.eval()
        single = anchor_losses(model, joined(self._frames.batches(model, self.scale_images)))
        model.loss_scale.copy_(inverse_losses(model.tasks, single, self.scale_images))
        broadcast(model.loss_scale)
        model.train()
        print_log(f"loss scale w: {dict(zip(model.tasks, model.loss_scale.tolist(), strict=True))}", "current")


@OBJECTIVES.register_module()
class TrunkObjective(StageObjective):
    """A shared-trunk training before the streams part: their common start where no pretrained weights exist.

    A long one keeps the streams so much alike that sharing costs little (docs/settings.md).

    Args:
        loss_weights: Weight of each task's loss; 1 where a task is not named. ``inverse`` weighs each loss by 1 / its
            own value in every step, see :func:`log_losses`.

    Raises:
        ValueError: If ``loss_weights`` is anything else.
    """

    def __init__(self, loss_weights: Mapping[str, float] | str | None = None) -> None:
        if loss_weights is not None and loss_weights != INVERSE and not isinstance(loss_weights, Mapping):
            raise ValueError(f"loss_weights={loss_weights!r} must be numbers by task, {INVERSE!r} or None")
        self.loss_weights: Mapping[str, float] | str = {} if loss_weights is None else loss_weights

    def trained_modules(self, model: ControllableNet) -> Sequence[nn.Module]:
        """The first stream, as everybody's trunk, and all heads."""
        return [model.backbone.streams[0], model.heads]

    def losses(self, model: ControllableNet, **batch: Any) -> dict[str, Tensor]:
        """Weighted task losses of the shared trunk."""
        tree = BranchingTree.shared(model.num_tasks, model.num_layers, 0)
        losses, logs = model.tree_losses(batch["inputs"], batch["data_samples"], tree)
        if isinstance(self.loss_weights, str):
            return {**_named(model, log_losses(losses), "log_loss"), **logs}
        weights = torch.tensor([self.loss_weights.get(task, 1.0) for task in model.tasks], device=losses.device)
        return {**_named(model, weights * losses, "loss"), **logs}

    def finish(self, model: ControllableNet) -> None:
        """Copies the trunk into every stream."""
        for stream in model.backbone.streams[1:]:
            copy_weights(model.backbone.streams[0], stream)


def _named(model: ControllableNet, losses: Tensor, name: str) -> dict[str, Tensor]:
    return {f"{task}.{name}": loss for task, loss in zip(model.tasks, losses, strict=True)}
