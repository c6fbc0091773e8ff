"""w_i, which puts the task losses on one scale, from a config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.runner import CheckpointLoader
from torch import Tensor

from mmdymu.checkpoint_file import check_checkpoint
from mmdymu.models import ControllableNet
from mmdymu.models.segmentors.anchor_net import task_names

__all__ = ["LossWeights", "read_loss_scale"]

LossWeights = Mapping[str, float] | str | Path | None


def read_loss_scale(model: ControllableNet, loss_weights: LossWeights) -> Tensor:
    """The weights of a model's task losses.

    Args:
        model: Tells the tasks, and what an earlier stage has left.
        loss_weights: w_i by task; or a checkpoint of the same tasks whose ``loss_scale`` is taken; or None for what
            an earlier stage or ``load_from`` has left in the model, and 1 without.

    Returns:
        (N,), on the CPU.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If the weights are not one positive number a task, or the checkpoint has none or other tasks.
    """
    if loss_weights is None:
        return model.loss_scale.cpu() if model.is_controllable else torch.ones(model.num_tasks)
    if isinstance(loss_weights, Mapping):
        if set(loss_weights) != set(model.tasks):
            raise ValueError(f"loss_weights={dict(loss_weights)} must name each of the tasks {list(model.tasks)}")
        scale = torch.tensor([float(loss_weights[task]) for task in model.tasks])
    else:
        scale = _stored_scale(model, str(loss_weights))
    if not bool((torch.isfinite(scale) & (scale > 0)).all()):
        raise ValueError(f"loss_weights: w = {scale.tolist()} must be positive numbers")
    return scale


def _stored_scale(model: ControllableNet, path: str) -> Tensor:
    check_checkpoint(path)
    content = CheckpointLoader.load_checkpoint(path, map_location="cpu", logger="silent")
    state = {name.removeprefix("module."): value for name, value in content.get("state_dict", content).items()}
    scale, stored = state.get("loss_scale"), state.get("_extra_state")
    if scale is None or not bool(torch.isfinite(scale).all()):
        raise ValueError(
            f"loss_weights: checkpoint {path!r} has no loss_scale: take one of a run whose edges stage, or a stage "
            "with a TreeObjective, has begun, or give the weights by task"
        )
    if stored is not None and task_names(stored) != model.tasks:
        raise ValueError(
            f"loss_weights: checkpoint {path!r} is about the tasks {list(task_names(stored))}, the model has "
            f"{list(model.tasks)}"
        )
    return scale
