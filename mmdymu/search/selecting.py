"""From what a user asks for to the network that a model selects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from mmdymu.models import ControllableNet
from mmdymu.models.segmentors import Selection
from mmdymu.preference import Preference

from .budget import BudgetedTree, tree_within_budget
from .profile import NodeProfile

__all__ = ["ask", "select"]


def ask(
    model: ControllableNet,
    preference: Any,
    cost_weight: float = 0.0,
    budget: Any = None,
    profile: NodeProfile | str | Path | None = None,
) -> tuple[Preference, BudgetedTree | None]:
    """Reads a preference and searches the tree of a budget; changes nothing.

    Args:
        model: Its edge hypernet is trained.
        preference: Whatever :meth:`Preference.parse` takes.
        cost_weight: How much saving compute matters, in [0, 1].
        budget: A hard limit in place of a cost weight: ``dict(flops=1e8)``, see :meth:`mmdymu.budget.Budget.parse`.
        profile: Times of the nodes, or the file that ``tools/profile_nodes.py`` wrote; for a budget of latency.

    Returns:
        The preference, and what was found within the budget; None without one.

    Raises:
        FileNotFoundError: If the profile does not exist.
        ValueError: If preference or budget are wrong, the budget is too small, or the edge hypernet is not trained.
    """
    asked = Preference.parse(preference, cost_weight=cost_weight, tasks=model.tasks)
    if not model.is_controllable:
        raise ValueError(
            "the model's edge hypernet is not trained, so a preference means nothing to it: load a checkpoint of the "
            "edges stage or later, or leave the preference out to run the single-task networks"
        )
    if budget is None:
        return asked, None
    if isinstance(profile, str | Path):
        profile = NodeProfile.load(profile)
    return asked, tree_within_budget(model, asked, budget, profile)


@torch.no_grad()
def select(
    model: ControllableNet,
    preference: Any,
    cost_weight: float = 0.0,
    budget: Any = None,
    profile: NodeProfile | str | Path | None = None,
) -> Selection:
    """What a preference selects, without selecting it in the model. Arguments and errors: :func:`ask`."""
    asked, found = ask(model, preference, cost_weight, budget, profile)
    tree = model.predict_tree(asked) if found is None else found.tree
    about = {} if found is None else found.about()
    return Selection(asked, tree, model.norm_states(asked, tree), found is not None, about)
