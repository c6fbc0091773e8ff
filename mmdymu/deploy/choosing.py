"""Which network is fixed: the tree and the node states that a preference, and maybe a budget, select."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from mmdymu.models import ControllableNet
from mmdymu.models.segmentors import Selection
from mmdymu.preference import Preference
from mmdymu.search import tree_within_budget
from mmdymu.search.profile import NodeProfile
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
        ValueError: If the preference is about other tasks or has a cost weight beside a budget, there is a budget
            without a preference, the hypernets are not trained, the budget is too small, or the model's norm statistics
            belong to no fixed network.
    """
    if model.norm_statistics == "batch":
        raise ValueError(
            "norm_statistics='batch' takes the statistics of each test batch, which no fixed network has: "
            "use model.set_norm_statistics('running') or 'calibrated'"
        )
    if budget is None and (preference is None or isinstance(preference, Selection)):
        selection = model.selection if preference is None else preference
        return (selection.tree if selection else model.anchor_tree), selection
    asked = _asked(model, preference)
    if not model.is_controllable:
        raise ValueError(
            "the model's edge hypernet is not trained, so no preference means anything: run the edges stage and load "
            "its checkpoint, or give no preference to fix the single-task networks"
        )
    found = None if budget is None else tree_within_budget(model, asked, budget, profile)
    tree = model.predict_tree(asked) if found is None else found.tree
    about = {} if found is None else found.about()
    current = model.selection
    if current is not None and (current.tree, current.preference) == (tree, asked):
        return tree, replace(current, about=about)
    if model.norm_statistics == "calibrated":
        raise ValueError(
            "norm_statistics='calibrated': the model has no statistics of this preference's network: call "
            "model.set_preference, calibrate, model.attach_states, and then fix the model without a preference"
        )
    return tree, Selection(asked, tree, model.norm_states(asked, tree), found is not None, about)


def _asked(model: ControllableNet, preference: Any) -> Preference:
    if isinstance(preference, Selection):
        return preference.preference
    if preference is not None:
        return Preference.parse(preference, tasks=model.tasks)
    if model.selection is None:
        raise ValueError("a budget needs a preference: which tasks it is spent on")
    return model.selection.preference
