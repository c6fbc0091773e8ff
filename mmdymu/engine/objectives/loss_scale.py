"""w_i, which puts the task losses on one scale, from a config."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.dist import broadcast
from mmengine.runner import CheckpointLoader
from torch import Tensor

from mmdymu.checkpoint_file import check_checkpoint
from mmdymu.models import ControllableNet
from mmdymu.models.segmentors.anchor_net import task_names

from ..frames import Frames, joined
from .single_losses import anchor_losses, inverse_losses

__all__ = ["LossWeights", "take_loss_scale"]

LossWeights = Mapping[str, float] | str | Path | None


def take_loss_scale(model: ControllableNet, loss_weights: LossWeights, frames: Frames, images: int) -> None:
    """Writes the weights of the task losses into a model; what was measured on its earlier weights is forgotten.

    Args:
        model: Tells the tasks, and what an earlier stage has left.
        loss_weights: w_i by task; or a checkpoint of the same tasks whose ``loss_scale`` is taken, or, if it has none,
            whose single-task nets are measured: w_i = 1 / L_i, as a path table measures them; or None for what an
            earlier stage or ``load_from`` has left in the model, and 1 without.
        frames: Training images to measure on.
        images: How many.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If the weights are not one positive number a task, or the checkpoint is of another model.
    """
    model.loss_scale.copy_(_read(model, loss_weights, frames, images))
    broadcast(model.loss_scale)
    for measured in (model.path_losses, model.affinity):
        measured.fill_(torch.nan)


def _read(model: ControllableNet, loss_weights: LossWeights, frames: Frames, images: int) -> Tensor:
    """(N,), on the CPU."""
    if loss_weights is None:
        return model.loss_scale.cpu() if model.has_loss_scale else torch.ones(model.num_tasks)
    if isinstance(loss_weights, Mapping):
        if set(loss_weights) != set(model.tasks):
            raise ValueError(f"loss_weights={dict(loss_weights)} must name each of the tasks {list(model.tasks)}")
        scale = torch.tensor([float(loss_weights[task]) for task in model.tasks])
    else:
        scale = _scale_of(model, str(loss_weights), frames, images)
    if not bool((torch.isfinite(scale) & (scale > 0)).all()):
        raise ValueError(f"loss_weights: w = {scale.tolist()} must be positive numbers")
    return scale


def _scale_of(model: ControllableNet, path: str, frames: Frames, images: int) -> Tensor:
    check_checkpoint(path)
    content = CheckpointLoader.load_checkpoint(path, map_location="cpu", logger="silent")
    state = {name.removeprefix("module."): value for name, value in content.get("state_dict", content).items()}
    stored, scale = state.get("_extra_state"), state.get("loss_scale")
    if stored is None or task_names(stored) != model.tasks:
        found = "names no tasks" if stored is None else f"is about the tasks {list(task_names(stored))}"
        raise ValueError(f"loss_weights: checkpoint {path!r} {found}, the model has {list(model.tasks)}")
    if scale is not None and bool(torch.isfinite(scale).all()):
        return scale
    return inverse_losses(model.tasks, _single_losses(model, state, path, frames, images), images)


@torch.no_grad()
def _single_losses(
    model: ControllableNet, state: Mapping[str, Tensor], path: str, frames: Frames, images: int
) -> Tensor:
    """(N,) losses of a checkpoint's streams, each with its own head."""
    single = copy.deepcopy(model)
    for part in ("backbone", "heads"):
        own = {name.removeprefix(f"{part}."): value for name, value in state.items() if name.startswith(f"{part}.")}
        try:
            single.get_submodule(part).load_state_dict(own)
        except RuntimeError as error:
            raise ValueError(f"loss_weights: checkpoint {path!r} belongs to another network: {error}") from error
    single.set_norm_statistics("running")
    single.eval()
    return anchor_losses(single, joined(frames.batches(single, images))).cpu()
