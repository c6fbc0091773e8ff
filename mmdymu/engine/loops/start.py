"""Checks before anything is trained: all streams must start from one place."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from mmengine.logging import print_log

from mmdymu.models import ControllableNet

from ..objectives import StageObjective

REMEDIES = (
    "give model.stream.backbone pretrained weights (init_cfg=dict(type='Pretrained', checkpoint=…)), or begin "
    "train_cfg.stages with a 'trunk' stage"
)


def check_start(model: ControllableNet, stages: Sequence[str], loaded: bool) -> None:
    """Looks at the streams when a stage begins.

    Args:
        model: The model, initialised.
        stages: Names of the stages so far, the beginning one last.
        loaded: Whether the run started from another checkpoint (``load_from``).

    Raises:
        ValueError: If the anchor is about to be trained from unlike streams: trees of such streams are useless.
    """
    current = stages[-1]
    if current == "anchor" and stream_distance(model) > 0 and not loaded:
        raise ValueError(f"the streams do not start from one common initialisation: {REMEDIES}")
    if current == "anchor" and "trunk" not in stages and not (model.backbone.pretrained or loaded):
        print_log(
            f"the streams start from one random initialisation, which ties them less than trained weights: {REMEDIES}",
            "current",
            logging.WARNING,
        )
    if current == "edges" and "anchor" not in stages and not (model.anchor_checkpoints or loaded):
        print_log(
            "the edges stage begins without a trained anchor: run an 'anchor' stage before it, set load_from to a "
            "checkpoint that has one, or name single-task checkpoints in model.anchor",
            "current",
            logging.WARNING,
        )
    if current == "edges" and model.anchor_checkpoints and stream_distance(model) > 1:
        print_log(
            "the single-task checkpoints lie as far from each other as unrelated networks: sharing their layers will "
            "cost much accuracy; train them from one common initialisation",
            "current",
            logging.WARNING,
        )


@torch.no_grad()
def renew_hypernets(model: ControllableNet, objectives: Sequence[StageObjective]) -> None:
    """Makes the hypernets of a loaded checkpoint new, if this run trains the edge hypernet.

    A trained hypernet has made up its mind: under other settings or another anchor it would hardly move. The path
    table belongs to the anchor and is kept with it.

    Args:
        model: The model, with the weights of ``load_from``.
        objectives: Those of the run's stages.
    """
    trained = [module for objective in objectives for module in objective.trained_modules(model)]
    if not model.is_controllable or not any(module is model.edge_hypernet for module in trained):
        return
    print_log("the hypernets of the loaded checkpoint are replaced by new ones; its anchor stays", "current")
    model.reset_hypernets()
    anchor_stays = not any(module is model.backbone or module is model.heads for module in trained)
    for result in (model.loss_scale, model.affinity, *(() if anchor_stays else (model.path_losses,))):
        result.fill_(torch.nan)


@torch.no_grad()
def stream_distance(model: ControllableNet) -> float:
    """Largest relative distance of a stream's convolutions from the first stream's.

    0 for equal streams; √2 is expected for unrelated ones, and fine-tuned copies stay well below 1.
    """
    first, *others = (_convolutions(stream) for stream in model.backbone.streams)
    return max((float((other - first).norm() / first.norm()) for other in others), default=0.0)


def _convolutions(stream: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.flatten() for parameter in stream.parameters() if parameter.dim() == 4])
