"""Losses of the single-task nets, and the weights w_i that follow from them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mmdymu.models import ControllableNet
from mmdymu.search.path_table import shrink_labels

from ..frames import Batch

__all__ = ["anchor_losses", "inverse_losses"]


@torch.no_grad()
def anchor_losses(model: ControllableNet, batch: Batch) -> Tensor:
    """(N,) losses of the single-task nets at the heads' resolution, as a path table measures them.

    Args:
        model: In evaluation mode.
        batch: Images with labels.
    """
    small = shrink_labels(model, batch.inputs, batch.data_samples)
    return model.tree_losses(batch.inputs, small, model.anchor_tree)[0]


def inverse_losses(tasks: Sequence[str], single: Tensor, images: int) -> Tensor:
    """(N,) w_i = 1 / (single-task loss), so that r means importance and not units.

    Args:
        tasks: Task names.
        single: (N,) losses of the single-task nets.
        images: On how many training images, for the error's text.

    Raises:
        ValueError: If a loss is not positive.
    """
    useless = [task for task, loss in zip(tasks, single.tolist(), strict=True) if not 0 < loss < math.inf]
    if useless:
        raise ValueError(
            f"the anchor's losses of {useless} on {images} training images are {single.tolist()}: without positive "
            "losses (are there labels of each?) their scale is unknown, give loss_weights"
        )
    return 1 / single
