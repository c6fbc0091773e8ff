"""How good a tree on a path table can be at most under a limit of its cost: a Lagrangian relaxation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["loss_bound"]

_PATIENCE = 10
_SMALLEST_STEP = 0.01

Floats = NDArray[np.float64]


class _Dual(NamedTuple):
    """A lower bound, and the direction in which it rises.

    Attributes:
        value: The bound.
        task_slope: (N, L, N), of what each task pays for each node.
        price_slope: Of the price of cost.
    """

    value: float
    task_slope: Floats
    price_slope: float


def loss_bound(
    weighted: Floats, layer_costs: Sequence[float], limit: float, known: float, *, iterations: int = 300
) -> float:
    """Bound the least loss of all trees whose nodes cost no more than a limit.

    Every task takes its cheapest path on its own, where cost has a price and each task pays a part of each node's.
    Whatever the price and the parts, no tree is better; a subgradient method looks for good ones.

    Args:
        weighted: (N, N, …, N) path table of L + 1 axes, times the weights.
        layer_costs: (L,), what a node of each layer costs.
        limit: The most that the nodes may cost together, positive.
        known: Loss of a tree that fits.
        iterations: Steps at most.

    Returns:
        A loss that no tree within the limit beats; at least that of every task's own best path.
    """
    tasks, layers = len(weighted), weighted.ndim - 1
    costs = np.asarray(layer_costs, dtype=np.float64) / limit
    paid, price = np.zeros((tasks, layers, tasks)), 0.0
    best, step, waited = -np.inf, 1.0, 0
    for _ in range(iterations):
        dual = _evaluate(weighted, costs, paid, price)
        waited = 0 if dual.value > best else waited + 1
        best = max(best, dual.value)
        steepness = float((dual.task_slope**2).sum() + dual.price_slope**2)
        if waited > _PATIENCE:
            step, waited = step / 2, 0
        if steepness == 0 or step < _SMALLEST_STEP or best >= known:
            break
        length = step * max(known - dual.value, 0.0) / steepness
        paid = np.maximum(paid + length * dual.task_slope, 0.0)
        price = max(price + length * dual.price_slope, 0.0)
    return min(best, known)


def _evaluate(weighted: Floats, costs: Floats, paid: Floats, price: float) -> _Dual:
    tasks, layers = len(weighted), weighted.ndim - 1
    total = weighted.copy()
    for layer in range(layers):
        shape = (tasks, *(tasks if axis == layer else 1 for axis in range(layers)))
        total += paid[:, layer].reshape(shape)
    flat = total.reshape(tasks, -1)
    paths = np.stack(np.unravel_index(flat.argmin(axis=1), (tasks,) * layers), axis=1)
    taken = np.eye(tasks)[paths]
    # What the tasks do not pay of a node; one node of every layer runs in any case.
    unpaid = price * costs[:, None] - paid.sum(axis=0)
    runs = (unpaid < 0) | (np.arange(tasks) == unpaid.argmin(axis=1)[:, None])
    value = flat.min(axis=1).sum() + unpaid[runs].sum() - price
    return _Dual(float(value), taken - runs, float((runs * costs[:, None]).sum() - 1.0))
