"""The best tree on a path table: for a preference, under a budget, or for all budgets at once.

A tree is found in two steps. First, *which* tasks share a layer: from the image to the heads tasks only part,
so the groups of tasks that share a node form a chain of ever finer partitions, one per layer. The chain alone
fixes the cost. Second, *on which nodes* every group runs: branch and bound from the image up, where a group's
bound is the exact best of its remaining layers if it had them for itself. Beyond small problems the search is
greedy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdymu.tree import BranchingTree

from .chains import count_chains
from .greedy import greedy_front
from .placement import exact_front
from .solution import Solution, strict_front

__all__ = ["MAX_CHAINS", "best_tree", "pareto_front", "table_entries"]

#: Beyond that many chains of partitions, ``exact=None`` searches greedily.
MAX_CHAINS = 20_000
_SHARE_TOLERANCE = 1e-9
_COST_TOLERANCE = 1e-6


class _Problem(NamedTuple):
    weighted: NDArray[np.float64]
    layer_shares: NDArray[np.float64]


def table_entries(num_tasks: int, num_layers: int) -> int:
    """Count the numbers of a path table.

    Args:
        num_tasks: N.
        num_layers: L.

    Returns:
        N * N^L.
    """
    return num_tasks ** (num_layers + 1)


def pareto_front(
    table: Any,
    weights: Sequence[float],
    node_costs: Sequence[Sequence[float]],
    *,
    max_share: float | None = None,
    exact: bool | None = None,
) -> list[Solution]:
    """Find the trees that no other tree beats in both share and weighted loss.

    Args:
        table: (N, N, ..., N) with L + 1 axes, array or tensor; ``table[j, i_0, ..., i_{L-1}]`` is the loss of
            task j along that path, on the caller's scale (usually divided by the single-task loss).
        weights: (N,) non-negative, the preference.
        node_costs: (L, N), what each node costs; equal for all streams of a layer.
        max_share: Leaves out trees with a larger controllable share; None has no limit.
        exact: True searches exactly; False greedily, from separate streams to one trunk by the cheapest merge
            of two nodes; None exactly up to 20 000 ways to share layers (three tasks: any L that has a table;
            four: L <= 16; five: L <= 6; six: L <= 3), greedily beyond.

    Returns:
        (share, loss, tree), rising share and falling loss; loss = sum_j weights[j] * table[j, path of j].

    Raises:
        ValueError: If an argument is malformed, or ``max_share`` is negative: one trunk has share 0.
    """
    if max_share is not None and not max_share >= -_SHARE_TOLERANCE:
        raise ValueError(f"max_share must be non-negative (one trunk has share 0), got {max_share!r}")
    problem = _check_problem(table, weights, node_costs)
    limit = math.inf if max_share is None else max_share + _SHARE_TOLERANCE
    layers, tasks = len(problem.layer_shares), len(problem.weighted)
    if exact is None:
        exact = count_chains(tasks, layers) <= MAX_CHAINS
    if exact:
        return exact_front(problem.weighted, problem.layer_shares, limit)
    return strict_front(greedy_front(problem.weighted, problem.layer_shares), limit)


def best_tree(
    table: Any,
    weights: Sequence[float],
    node_costs: Sequence[Sequence[float]],
    *,
    max_share: float | None = None,
    cost_weight_penalty: float = 0.0,
    exact: bool | None = None,
) -> BranchingTree:
    """Find the tree of least sum_j weights[j] * table[j, path of j] + cost_weight_penalty * share.

    Args:
        table: As in :func:`pareto_front`.
        weights: (N,) non-negative, the preference.
        node_costs: (L, N), what each node costs; equal for all streams of a layer.
        max_share: Largest controllable share; None has no limit.
        cost_weight_penalty: Price of a share of 1, non-negative.
        exact: As in :func:`pareto_front`.

    Returns:
        The tree.
    """
    if not 0 <= cost_weight_penalty < math.inf:
        raise ValueError(f"cost_weight_penalty must be finite and non-negative, got {cost_weight_penalty!r}")
    front = pareto_front(table, weights, node_costs, max_share=max_share, exact=exact)
    return min(front, key=lambda solution: solution.loss + cost_weight_penalty * solution.share).tree


def _check_problem(table: Any, weights: Sequence[float], node_costs: Sequence[Sequence[float]]) -> _Problem:
    losses = _as_array("table", table)
    tasks, layers = len(losses) if losses.ndim else 0, losses.ndim - 1
    if tasks == 0 or layers < 1 or losses.shape != (tasks,) * (layers + 1):
        raise ValueError(f"table must have L + 1 axes of size N, got the shape {losses.shape}")
    importance = _as_array("weights", weights)
    if importance.shape != (tasks,) or (importance < 0).any():
        raise ValueError(f"weights must be {tasks} non-negative numbers, got {weights!r}")
    costs = _as_array("node_costs", node_costs)
    if costs.shape != (layers, tasks) or (costs < 0).any() or not costs.any():
        allowed = f"({layers}, {tasks}) non-negative numbers, not all zero"
        raise ValueError(f"node_costs must be {allowed}, got {node_costs!r}")
    if np.ptp(costs, axis=1).max() > _COST_TOLERANCE * costs.max():
        raise ValueError(f"node_costs must be equal for all streams of a layer, got {node_costs!r}")
    per_layer = costs.mean(axis=1)
    shares = per_layer / (per_layer.sum() * max(tasks - 1, 1))
    return _Problem(importance.reshape(-1, *[1] * layers) * losses, shares)


def _as_array(name: str, value: Any) -> NDArray[np.float64]:
    try:
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers, got {value!r}") from error
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite")
    return array
