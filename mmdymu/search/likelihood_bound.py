"""How probable a tree under a budget can be at most: a linear program."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, vstack

__all__ = ["log_probability_bound"]

# The solver keeps constraints up to 1e-7.
_SLACK = 1e-6

Floats = NDArray[np.float64]


def log_probability_bound(
    log_probs: Floats, layer_costs: Floats, limit: float
) -> tuple[float, list[list[NDArray[np.bool_]]]]:
    """Solve the search for the most probable tree with nodes and decisions that may be used in part.

    Args:
        log_probs: (L, N, N) = (layer, child, parent).
        layer_costs: (L,).
        limit: The most that the nodes may cost together.

    Returns:
        An upper bound of the log-probability of every tree that fits; and guesses of used nodes, each one (sets, N)
        array a layer: the nodes in the order of their part in the solution, the first, the first two, and so on.
    """
    layers, tasks = log_probs.shape[:2]
    decisions = log_probs.size
    uneven, limits, even, sums = _constraints(log_probs.shape, layer_costs, limit)
    objective = np.concatenate([-log_probs.ravel(), np.zeros(layers * tasks)])
    result = linprog(objective, A_ub=uneven, b_ub=limits, A_eq=even, b_eq=sums, bounds=(0, 1), method="highs")
    if result.x is None:
        # Every tree is at most as probable as its heads' best decisions.
        return float(log_probs[-1].max(axis=-1).sum()), []
    parts = result.x[decisions:].reshape(layers, tasks)
    order = np.argsort(np.argsort(-parts, axis=1, kind="stable"), axis=1)
    return _SLACK - float(result.fun), [[ranks[None] < np.arange(1, tasks + 1)[:, None] for ranks in order]]


def _constraints(
    shape: tuple[int, ...], layer_costs: Floats, limit: float
) -> tuple[csr_array, Floats, csr_array, Floats]:
    """Variables are the decisions, (L, N, N), and then the nodes, (L, N)."""
    layers, tasks, _ = shape
    decisions, nodes = layers * tasks**2, layers * tasks
    variables = decisions + nodes
    number = np.arange(decisions)
    layer, child, parent = np.unravel_index(number, shape)
    one = np.ones(decisions)
    # A decision needs its parent; the nodes cost at most the limit; every layer has at least one node.
    needs = (np.concatenate([one, -one]), (np.tile(number, 2), np.r_[number, decisions + layer * tasks + parent]))
    price = np.repeat(layer_costs, tasks)
    spent = (price / limit, (np.zeros(nodes, int), decisions + np.arange(nodes)))
    present = (-np.ones(nodes), (np.arange(nodes) // tasks, decisions + np.arange(nodes)))
    blocks = ((needs, decisions), (spent, 1), (present, layers))
    uneven = vstack([coo_array(block, shape=(rows, variables)) for block, rows in blocks])
    limits = np.concatenate([np.zeros(decisions), [1.0], -np.ones(layers)])
    # A node decides once if it runs; heads always run.
    below = np.arange((layers - 1) * tasks)
    chosen = (
        np.concatenate([one, -np.ones(len(below))]),
        (np.concatenate([layer * tasks + child, below]), np.concatenate([number, decisions + tasks + below])),
    )
    sums = np.concatenate([np.zeros(len(below)), np.ones(tasks)])
    return uneven.tocsr(), limits, coo_array(chosen, shape=(nodes, variables)).tocsr(), sums
