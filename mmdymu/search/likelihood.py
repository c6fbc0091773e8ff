"""The tree whose used decisions are most probable, under a limit of its cost.

Dynamic programming from the heads down. A state is the set of nodes of a layer that run; for each, the Pareto front of
(cost, log-probability) of everything above it is kept. Only set sizes decide about costs, and the nodes above choose
their best parent in the set on their own. With all sets of every layer this is exact. For many tasks the sets are those
near the best so far, again and again, and a linear program says how far from the best the result can be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdymu.tree import BranchingTree

from .likelihood_bound import log_probability_bound

__all__ = ["MAX_EXACT_TASKS", "Decided", "log_probability", "most_probable_tree"]

#: Up to that many tasks all sets of nodes are looked at.
MAX_EXACT_TASKS = 9
_MAX_ROUNDS = 12
_STARTS = 6
_TOLERANCE = 1e-12
# Sums of the same costs in another order differ by rounding.
_ROUNDING = 1e-13

Floats = NDArray[np.float64]
Sets = NDArray[np.bool_]


class Decided(NamedTuple):
    """A tree of probable decisions.

    Attributes:
        tree: The tree.
        log_probability: Sum over its used decisions.
        bound: No allowed tree has more; equal to ``log_probability`` after an exact search.
        exact: Whether all trees were considered.
    """

    tree: BranchingTree
    log_probability: float
    bound: float
    exact: bool


class _Front(NamedTuple):
    """For one set of nodes: rising cost and log-probability of all above, and where they come from."""

    costs: Floats
    values: Floats
    origins: NDArray[np.int64]


def most_probable_tree(
    log_probs: Floats, layer_costs: Sequence[float], limit: float, *, exact: bool | None = None
) -> Decided:
    """Find the tree of the largest sum of log-probabilities of its used decisions.

    A decision is the parent of a head or of a node that runs; the others do not count.

    Args:
        log_probs: (L, N, N) = (layer, child, parent), not positive.
        layer_costs: (L,), what a node of each layer costs, not negative.
        limit: The most that the tree's nodes may cost together, at least the sum of ``layer_costs``: one trunk.
        exact: Whether to look at all sets of nodes; None does up to ``MAX_EXACT_TASKS`` tasks.

    Returns:
        The tree; of equally probable ones a cheapest.
    """
    costs, tasks = np.asarray(layer_costs, dtype=np.float64), log_probs.shape[-1]
    if exact is None:
        exact = tasks <= MAX_EXACT_TASKS
    if exact:
        chosen = _best_chain(log_probs, costs, limit, [_all_sets(tasks)] * len(costs))
        tree = _to_tree(log_probs, chosen)
        value = log_probability(log_probs, tree)
        return Decided(tree, value, value, True)
    bound, guesses = log_probability_bound(log_probs, costs, limit)
    tree = _search(log_probs, costs, limit, [*guesses, _likely_nodes(log_probs)])
    value = log_probability(log_probs, tree)
    return Decided(tree, value, max(bound, value), False)


def log_probability(log_probs: Floats, tree: BranchingTree) -> float:
    """Add up the log-probabilities of a tree's used decisions.

    Args:
        log_probs: (L, N, N) = (layer, child, parent).
        tree: The tree.

    Returns:
        Their sum; 0 means certain.
    """
    children = [*tree.used_nodes[1:], tuple(range(tree.num_tasks))]
    return float(
        sum(
            log_probs[layer, child, tree.parents[layer][child]]
            for layer, nodes in enumerate(children)
            for child in nodes
        )
    )


def _search(log_probs: Floats, costs: Floats, limit: float, guesses: Sequence[Sequence[Sets]]) -> BranchingTree:
    """From the best of singletons and guesses, under some smaller limits too, to ever better neighbours."""
    single = np.eye(log_probs.shape[-1], dtype=bool)
    pools = [_unique(np.concatenate([single, *(guess[layer] for guess in guesses)])) for layer in range(len(costs))]
    starts = [_best_chain(log_probs, costs, part, pools) for part in np.linspace(costs.sum(), limit, _STARTS)]
    different = {np.concatenate(start).tobytes(): start for start in starts}
    found = [_improve(log_probs, costs, limit, start) for start in different.values()]
    return max(found, key=lambda tree: log_probability(log_probs, tree))


def _improve(log_probs: Floats, costs: Floats, limit: float, chosen: list[NDArray[np.bool_]]) -> BranchingTree:
    best = _to_tree(log_probs, chosen)
    for _ in range(_MAX_ROUNDS):
        pools = [_unique(_neighbours(nodes)) for nodes in chosen]
        chosen = _best_chain(log_probs, costs, limit, pools)
        tree = _to_tree(log_probs, chosen)
        if log_probability(log_probs, tree) <= log_probability(log_probs, best) + _TOLERANCE:
            break
        best = tree
    return best


def _best_chain(log_probs: Floats, costs: Floats, limit: float, pools: Sequence[Sets]) -> list[NDArray[np.bool_]]:
    """Per layer the set of nodes of the most probable tree among those of the pools' sets."""
    tasks, layers = log_probs.shape[-1], len(costs)
    above, heads = [np.ones((1, tasks), dtype=bool)], _Front(np.zeros(1), np.zeros(1), np.zeros((1, 2), np.int64))
    fronts: list[list[_Front]] = [[heads]]
    # What is left to pay below, at least.
    below = np.concatenate([[0.0], np.cumsum(costs)[:-1]])
    for layer in reversed(range(layers)):
        gains = _gains(log_probs[layer], above[-1], pools[layer])
        sizes = pools[layer].sum(axis=1) * costs[layer]
        fronts.append(list(_step(fronts[-1], gains, sizes, limit * (1 + _ROUNDING) - below[layer])))
        above.append(pools[layer])
    return _trace(fronts, above)


def _gains(log_probs: Floats, children: Sets, parents: Sets) -> Floats:
    """(S, T): every child's best parent, summed over the children of each set."""
    best = np.where(parents[:, None, :], log_probs[None], -np.inf).max(axis=-1)
    return children.astype(np.float64) @ best.T


def _step(above: Sequence[_Front], gains: Floats, sizes: Floats, limit: float) -> Iterator[_Front]:
    """One front for every set of the next layer."""
    costs = np.concatenate([front.costs for front in above])
    values = np.concatenate([front.values for front in above])
    owners = np.concatenate([np.full(len(front.costs), index) for index, front in enumerate(above)])
    places = np.concatenate([np.arange(len(front.costs)) for front in above])
    # The order by cost is the same for every set; of equal costs the larger value must not come second.
    order = np.argsort(costs, kind="stable")
    costs, values, origins = costs[order], values[order], np.stack([owners, places], axis=1)[order]
    for column, size in zip(gains.T, sizes, strict=True):
        fit = int(np.searchsorted(costs, limit - size, side="right"))
        total = values[:fit] + column[origins[:fit, 0]]
        rises = np.diff(np.maximum.accumulate(total), prepend=-np.inf) > 0
        yield _Front(costs[:fit][rises] + size, total[rises], origins[:fit][rises])


def _trace(fronts: Sequence[Sequence[_Front]], pools: Sequence[Sets]) -> list[NDArray[np.bool_]]:
    """The sets from the image to the heads that lead to the best end of a front."""
    ends = [(front.values[-1], -front.costs[-1], index) for index, front in enumerate(fronts[-1]) if len(front.values)]
    _, _, index = max(ends)
    place, chosen = len(fronts[-1][index].values) - 1, []
    for layer_fronts, pool in zip(reversed(fronts[1:]), reversed(pools[1:]), strict=False):
        chosen.append(pool[index])
        index, place = layer_fronts[index].origins[place]
    return chosen


def _to_tree(log_probs: Floats, chosen: Sequence[NDArray[np.bool_]]) -> BranchingTree:
    parents = [np.where(nodes, probs, -np.inf).argmax(axis=-1) for nodes, probs in zip(chosen, log_probs, strict=True)]
    return BranchingTree(tuple(tuple(row.tolist()) for row in parents))


def _all_sets(tasks: int) -> Sets:
    numbers = np.arange(1, 2**tasks)
    return (numbers[:, None] >> np.arange(tasks)) % 2 == 1


def _likely_nodes(log_probs: Floats) -> list[Sets]:
    """Per layer the used nodes of the most likely tree."""
    tree = BranchingTree.from_logits(log_probs)
    return [np.isin(np.arange(tree.num_tasks), nodes)[None] for nodes in tree.used_nodes]


def _neighbours(nodes: NDArray[np.bool_]) -> Sets:
    """A set, those with one node more, one less, or one in exchange for another."""
    eye = np.eye(len(nodes), dtype=bool)
    more, less = nodes | eye[~nodes], nodes & ~eye[nodes]
    swapped = (less[:, None, :] | eye[~nodes]).reshape(-1, len(nodes))
    near = np.concatenate([nodes[None], more, less, swapped])
    return near[near.any(axis=1)]


def _unique(sets: Sets) -> Sets:
    return np.unique(sets, axis=0)
