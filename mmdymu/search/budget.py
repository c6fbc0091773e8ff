"""The best tree within a hard budget: on the path table where the model has one, else by the edge hypernet's word."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmdymu.budget import BUDGET_KINDS, Budget
from mmdymu.models import ControllableNet
from mmdymu.preference import Preference
from mmdymu.tree import BranchingTree

from .brackets import normalised_table
from .exact import pareto_front
from .likelihood import most_probable_tree
from .profile import NodeProfile
from .table_bound import loss_bound

__all__ = ["BudgetedTree", "TreePrices", "budget_text", "feasible_prices", "tree_prices", "tree_within_budget"]

# Of a limit; more than the search forgives.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class BudgetedTree:
    """What was found within a budget.

    Attributes:
        tree: The tree.
        cost: What it costs with its heads, in the unit of the budget's kind; never more than the limit.
        objective: As ``measure`` says.
        exact: Whether no tree within the budget is better.
        gap: The best tree within the budget can be better by so much at most; 0 if ``exact``.
        measure: ``loss``: Σ r_i L_i / L_i(single) on the path table, less is better; or ``log_probability`` of the
            used decisions at cost weight 0, more is better.
        budget: What was asked for.
    """

    tree: BranchingTree
    cost: float
    objective: float
    exact: bool
    gap: float
    measure: str
    budget: Budget

    def about(self) -> dict[str, Any]:
        """What a report says about the search, ready for JSON."""
        found = {"cost": self.cost, "measure": self.measure, "objective": self.objective}
        return {"budget": {**self.budget.to_dict(), **found, "exact": self.exact, "gap": self.gap}}

    def __str__(self) -> str:
        """As :func:`budget_text`."""
        return budget_text(self.about()["budget"])


def budget_text(found: Mapping[str, Any]) -> str:
    """Show what was found within a budget: cost and objective, and how good the search was.

    Args:
        found: As in :meth:`BudgetedTree.about`, which a model's report and a manifest have under ``budget``.

    Returns:
        One line.
    """
    budget = Budget.parse({kind: limit for kind, limit in found.items() if kind in BUDGET_KINDS})
    assert budget is not None
    quality = (
        "no tree within the budget is better" if found["exact"] else f"the best may be better by {found['gap']:.4g}"
    )
    measure = found["measure"].replace("_", "-")
    return f"{budget}: {budget.show(found['cost'])}, {measure} {found['objective']:.4f}; {quality}"


@dataclass(frozen=True)
class TreePrices:
    """What trees of a model cost in a budget's unit.

    Attributes:
        node_costs: (L, N), equal for all streams of a layer.
        fixed: What every tree costs on top: the heads.
    """

    node_costs: tuple[tuple[float, ...], ...]
    fixed: float

    @property
    def layer_costs(self) -> tuple[float, ...]:
        """(L,), what a node of each layer costs."""
        return tuple(row[0] for row in self.node_costs)

    @property
    def smallest(self) -> float:
        """What one trunk with all heads costs."""
        return self.of(BranchingTree.shared(len(self.node_costs[0]), len(self.node_costs), 0))

    def of(self, tree: BranchingTree) -> float:
        """What a tree costs."""
        return tree.cost(self.node_costs) + self.fixed


def tree_prices(model: ControllableNet, kind: str, profile: NodeProfile | None = None) -> TreePrices:
    """What trees of a model cost.

    Args:
        model: Its counter tells multiply-adds and parameters.
        kind: As in :class:`~mmdymu.budget.Budget`.
        profile: Tells the times; needed for ``latency_ms`` alone.

    Returns:
        The costs of nodes and heads.

    Raises:
        ValueError: If the profile is missing, or one of another model.
    """
    complexity = model.complexity
    if kind == "latency_ms":
        if profile is None:
            raise ValueError(
                "budget.latency_ms needs a profile of this model on this device: measure it with "
                "tools/profile_nodes.py and give profile=FILE.json"
            )
        profile.check(model)
        return TreePrices(tuple((time,) * model.num_tasks for time in profile.node_ms), profile.fixed_ms)
    if kind == "flops":
        return TreePrices(complexity.node_flops, float(sum(complexity.head_flops)))
    params = tuple(tuple(map(float, row)) for row in complexity.node_params)
    return TreePrices(params, float(sum(complexity.head_params)))


def feasible_prices(model: ControllableNet, budget: Budget, profile: NodeProfile | None = None) -> TreePrices:
    """What trees of a model cost in the unit of a budget that some tree keeps.

    Args:
        model: As in :func:`tree_prices`.
        budget: The limit.
        profile: As in :func:`tree_prices`.

    Returns:
        The costs of nodes and heads.

    Raises:
        ValueError: If even one trunk costs more; and as :func:`tree_prices`.
    """
    prices = tree_prices(model, budget.kind, profile)
    if prices.smallest > budget.limit:
        raise ValueError(
            f"budget.{budget.kind}={budget.limit:g} is too small for any tree: one trunk with all heads needs "
            f"{_at_least(budget.kind, prices.smallest)}, the smallest feasible budget"
        )
    return prices


def tree_within_budget(
    model: ControllableNet, preference: Preference, budget: Budget | Any, profile: NodeProfile | None = None
) -> BudgetedTree:
    """Find the best tree that costs no more than a budget.

    With a path table, that is the tree of the least r-weighted loss, each task's divided by its single-task loss;
    without one, the tree whose used decisions are most probable under the edge hypernet at cost weight 0. A static
    network has its one tree, whose other nodes nobody has trained.

    Args:
        model: Its edge hypernet is trained.
        preference: Over the model's tasks; its cost weight must be 0, because the budget takes its place.
        budget: As :meth:`Budget.parse` reads it, not None.
        profile: Times of the model's parts; needed for a budget of latency, ignored for others.

    Returns:
        The tree, and how good it is.

    Raises:
        ValueError: If no tree is that cheap (the message has the smallest feasible budget), or an argument does not
            fit.
    """
    asked = Budget.parse(budget)
    if asked is None:
        raise ValueError("budget=None: give a budget, such as flops=1e8")
    _check_preference(model, preference)
    prices = feasible_prices(model, asked, profile)
    if model.static_tree is not None:
        return _only_tree(model.static_tree, asked, prices)
    table = path_table(model)
    found = _on_table(table, preference, asked, prices) if table is not None else None
    return found or _by_probability(model, preference, asked, prices)


def path_table(model: ControllableNet) -> np.ndarray | None:
    """(N, N, …, N) losses of a model's paths divided by those of the single-task nets; None if it has none."""
    table = model.path_losses
    if not table.numel() or not bool(torch.isfinite(table).all()):
        return None
    return normalised_table(table.double())


def _on_table(table: np.ndarray, preference: Preference, budget: Budget, prices: TreePrices) -> BudgetedTree:
    room, trunk = budget.limit - prices.fixed, sum(prices.layer_costs)
    share = max(room / trunk - 1.0, 0.0) / max(len(table) - 1, 1)
    front = pareto_front(table, preference.weights, prices.node_costs, max_share=share)
    # The front forgives rounding, a budget does not.
    best = min((s for s in front if prices.of(s.tree) <= budget.limit), key=lambda solution: solution.loss)
    gap = 0.0
    if not best.exact:
        weighted = np.array(preference.weights).reshape(-1, *[1] * (table.ndim - 1)) * table
        gap = best.loss - loss_bound(weighted, prices.layer_costs, room, best.loss)
    return BudgetedTree(best.tree, prices.of(best.tree), best.loss, best.exact, gap, "loss", budget)


def _by_probability(model: ControllableNet, preference: Preference, budget: Budget, prices: TreePrices) -> BudgetedTree:
    with torch.no_grad():
        log_probs = model.edge_logits([preference])[0].double().log_softmax(dim=-1).cpu().numpy()
    # A trunk that costs exactly the limit must not fall to rounding.
    trunk = sum(prices.layer_costs)
    room = max(budget.limit - prices.fixed, trunk)
    found = most_probable_tree(log_probs, prices.layer_costs, room)
    if prices.of(found.tree) > budget.limit:
        # The search forgives rounding, a budget does not.
        found = most_probable_tree(log_probs, prices.layer_costs, max(room - _ROUNDING * budget.limit, trunk))
    gap = found.bound - found.log_probability
    cost = prices.of(found.tree)
    return BudgetedTree(found.tree, cost, found.log_probability, found.exact, gap, "log_probability", budget)


def _only_tree(tree: BranchingTree, budget: Budget, prices: TreePrices) -> BudgetedTree:
    cost = prices.of(tree)
    if cost > budget.limit:
        raise ValueError(
            f"budget.{budget.kind}={budget.limit:g} is too small for the model's one tree: it needs "
            f"{_at_least(budget.kind, cost)}"
        )
    return BudgetedTree(tree, cost, 0.0, True, 0.0, "log_probability", budget)


def _check_preference(model: ControllableNet, preference: Preference) -> None:
    if tuple(preference.tasks) != tuple(model.tasks):
        raise ValueError(f"preference is about tasks {list(preference.tasks)}, the model has {list(model.tasks)}")
    if preference.cost_weight:
        raise ValueError(
            f"cost_weight={preference.cost_weight:g} and a budget exclude each other: the budget takes its place"
        )


def _at_least(kind: str, cost: float) -> str:
    """A limit that is no smaller than a cost, short enough to type."""
    return f"budget.{kind}={math.ceil(cost * 1000) / 1000:.3f}" if kind == "latency_ms" else f"budget.{kind}={cost:.0f}"
