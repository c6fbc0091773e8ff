"""Whether a fixed network computes what the model computes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mmdymu.models import ControllableNet
from mmdymu.models.segmentors import Selection
from mmdymu.search.differences import relative_difference
from mmdymu.tree import BranchingTree

from .choosing import choose
from .fixing import fix

__all__ = ["check_fixed"]

UNFOLDED, FOLDED = 1e-5, 1e-4
"""Largest relative difference from the model, before and after norms are folded into convolutions."""


@torch.no_grad()
def check_fixed(model: ControllableNet, preference: Any = None, fold: bool = True) -> tuple[float, float | None]:
    """Compares a fixed network with the dynamic model on random images.

    Folding changes the order of a layer's operations. Where a model's values cancel, float32 may so round more than is
    allowed though nothing is wrong; then both compute once more in float64, with the weights that are there.

    Args:
        model: In evaluation mode, in float32; it is left as it was.
        preference: As in :func:`~mmdymu.deploy.fix`.
        fold: Likewise.

    Returns:
        The largest relative difference (:func:`~mmdymu.deploy.relative_difference`) in float32, and that in float64
        where the former is above 1e-5, or 1e-4 with folding; else None.

    Raises:
        RuntimeError: If that in float64 is above it, too.
        ValueError: As in :func:`~mmdymu.deploy.fix`.
    """
    tree, selection = choose(model, preference)
    network, limit = fix(model, selection, fold=fold), FOLDED if fold else UNFOLDED
    parameter = next(network.parameters())
    images = torch.randn(2, 3, *model.image_size, generator=torch.Generator().manual_seed(0)).to(parameter)
    found = _difference(model, tree, selection, network, images)
    if found <= limit:
        return found, None
    doubled = selection and selection.map_states(lambda value: value.double() if value.is_floating_point() else value)
    exact = _difference(copy.deepcopy(model).double(), tree, doubled, network.double(), images.double())
    if not exact <= limit:
        when = "after" if fold else "before"
        raise RuntimeError(
            f"the fixed network's results differ from the model's by {found:.1e}, in float64 by {exact:.1e}, {when} "
            f"folding; allowed are {limit:.0e}: report this"
        )
    return found, exact


def _difference(
    model: ControllableNet, tree: BranchingTree, selection: Selection | None, network: nn.Module, images: Tensor
) -> float:
    wanted: Mapping[str, Tensor] = model.run_tree(images, tree, selection.node_states if selection else None)
    return relative_difference(network(images), wanted)
