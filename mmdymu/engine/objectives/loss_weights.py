"""The weights w_i of the tasks' losses that methods in a comparison have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.runner import CheckpointLoader
from torch import Tensor

from mmdymu.checkpoint_file import check_checkpoint

__all__ = ["task_loss_weights"]


def task_loss_weights(tasks: Sequence[str], given: Mapping[str, float] | str | None) -> Tensor:
    """Reads loss weights.

    Args:
        tasks: Task names, in the model's order.
        given: By task; or the path of a checkpoint whose ``loss_scale`` they are; None means 1 for all.

    Returns:
        (N,) positive weights, in the tasks' order.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If weights are missing, or one is not positive and finite.
    """
    if given is None:
        return torch.ones(len(tasks))
    weights = _from_checkpoint(given) if isinstance(given, str) else _from_names(tasks, given)
    if weights.shape != (len(tasks),) or not bool((torch.isfinite(weights) & (weights > 0)).all()):
        raise ValueError(
            f"loss_weights={given!r} gives {weights.tolist()} for the tasks {list(tasks)}, but one positive number for "
            "each is needed; in a checkpoint, a stage that measures them must have begun"
        )
    return weights


def _from_names(tasks: Sequence[str], given: Mapping[str, float]) -> Tensor:
    if set(given) != set(tasks):
        raise ValueError(f"loss_weights={dict(given)} must name each of the tasks {list(tasks)}")
    return torch.tensor([float(given[task]) for task in tasks])


def _from_checkpoint(path: str) -> Tensor:
    check_checkpoint(path)
    state = CheckpointLoader.load_checkpoint(path, map_location="cpu")
    state = state.get("state_dict", state)
    if "loss_scale" not in state:
        raise ValueError(f"loss_weights={path!r} is a checkpoint without loss_scale: it is none of a controllable net")
    return state["loss_scale"].float()
