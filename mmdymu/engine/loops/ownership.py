"""What belongs to a stage: the modules that it trains."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dist import all_reduce, get_world_size
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import nn

from mmdymu.models import ControllableNet
from mmdymu.models.norms import batch_norms

from ..objectives import StageObjective
from .stage import Stage

__all__ = ["build_optimizer", "finish_stage", "with_names"]


def build_optimizer(model: ControllableNet, stage: Stage, defaults: Mapping[str, Any]) -> OptimWrapper:
    """Builds the optimiser of what a stage owns.

    Args:
        model: The model.
        stage: The stage.
        defaults: Config; the stage's own settings replace its entries.

    Returns:
        The optimiser in its wrapper.
    """
    owned = with_names(model, stage.objective.trained_modules(model))
    return build_optim_wrapper(owned, {"type": "OptimWrapper", **copy.deepcopy({**defaults, **stage.optim_wrapper})})


def with_names(model: nn.Module, modules: Sequence[nn.Module]) -> nn.Module:
    """Puts parts of a model under one root, with the names that they have in the model.

    So ``paramwise_cfg=dict(custom_keys=dict(heads=…))`` means the same in every stage.

    Args:
        model: The model.
        modules: Some of its sub-modules, none inside another.

    Returns:
        A module that holds just them.
    """
    names = {id(module): name for name, module in model.named_modules()}
    root = nn.Module()
    for module in modules:
        *parents, leaf = names[id(module)].split(".")
        holder = root
        for parent in parents:
            if parent not in dict(holder.named_children()):
                holder.add_module(parent, nn.Module())
            holder = holder.get_submodule(parent)
        holder.add_module(leaf, module)
    return root


def finish_stage(model: ControllableNet, objective: StageObjective) -> None:
    """Leaves the model as the next stage wants it, equal in all processes.

    Args:
        model: The model, after the stage's last step.
        objective: The stage's.
    """
    if get_world_size() > 1:
        # Each process has seen other images: later stages take the mean statistics for given.
        for module in objective.moving_modules(model):
            for _, norm in batch_norms(module):
                all_reduce(norm.running_mean, op="mean")
                all_reduce(norm.running_var, op="mean")
    objective.finish(model)
