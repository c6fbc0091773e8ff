"""Which network is fixed: the tree and the node states that a preference, and maybe a budget, select."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from mmdymu.models import ControllableNet
from mmdymu.models.norms import batch_norms
from mmdymu.models.segmentors import Selection
from mmdymu.models.segmentors.selection import check_tree
from mmdymu.search.profile import NodeProfile
from mmdymu.search.selecting import select
from mmdymu.tree import BranchingTree

__all__ = ["choose"]


@torch.no_grad()
def choose(
    model: ControllableNet,
    preference: Any = None,
    budget: Any = None,
    profile: NodeProfile | None = None,
) -> tuple[BranchingTree, Selection | None]:
    """Selects a network without touching the model's own selection.

    Args:
        model: The model.
        preference: What :meth:`Preference.parse` reads; a selection is taken as it is; None takes what the model runs
            now, calibrated norm statistics included: its selection, or the anchor before its first preference.
        budget: A hard limit, see :func:`mmdymu.search.tree_within_budget`; the tree is then searched instead of
            predicted.
        profile: Times of the nodes, for a budget of latency.

    Returns:
        The tree, and what selected it; None for the anchor.

    Raises:
        ValueError: If preference or selection are about other tasks or trees of another size, a preference has a cost
            weight beside a budget, there is a budget without a preference, the hypernets are not trained, the budget is
            too small, or the model's norm statistics belong to no fixed network.
    """
    if model.norm_statistics == "batch":
        raise ValueError(
            "norm_statistics='batch' takes the statistics of each test batch, which no fixed network has: "
            "use model.set_norm_statistics('running') or 'calibrated'"
        )
    if isinstance(preference, Selection):
        _check_selection(model, preference)
    if budget is None and (preference is None or isinstance(preference, Selection)):
        selection = model.selection if preference is None else preference
    else:
        selection = _selected(model, preference, budget, profile)
    _check_statistics(model, selection)
    return (selection.tree if selection else model.anchor_tree), selection


def _selected(model: ControllableNet, preference: Any, budget: Any, profile: NodeProfile | None) -> Selection:
    """What a preference selects, with the tensors that are attached if the model runs that very network."""
    current = model.selection
    if preference is None:
        preference = current
    if preference is None:
        raise ValueError("a budget needs a preference: which tasks it is spent on")
    asked = preference.preference if isinstance(preference, Selection) else preference
    found = select(model, asked, budget=budget, profile=profile)
    if current is not None and (current.tree, current.preference) == (found.tree, found.preference):
        return replace(found, node_states=current.node_states)
    return found


def _check_selection(model: ControllableNet, selection: Selection) -> None:
    tasks = list(selection.preference.tasks)
    if tasks != list(model.tasks):
        raise ValueError(f"the selection is about tasks {tasks}, the model has {list(model.tasks)}")
    check_tree(selection.tree, model.anchor_tree)


def _check_statistics(model: ControllableNet, selection: Selection | None) -> None:
    """Refuses running statistics where calibrated ones are asked for; the anchor's own are its running ones."""
    if model.norm_statistics != "calibrated" or selection is None or selection.is_calibrated:
        return
    if any(True for _ in batch_norms(model)):
        raise ValueError(
            "norm_statistics='calibrated': the model has no statistics of this preference's network: call "
            "model.set_preference, calibrate, model.attach_states, and then fix the model without a preference; or use "
            "model.set_norm_statistics('running')"
        )
