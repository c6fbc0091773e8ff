from __future__ import annotations

import itertools

import numpy as np
import pytest

from mmdymu import BranchingTree
from mmdymu.search.exact import pareto_front
from mmdymu.search.table_bound import loss_bound


def all_trees(tasks: int, layers: int) -> list[BranchingTree]:
    rows = list(itertools.product(range(tasks), repeat=tasks))
    return list({BranchingTree(parents) for parents in itertools.product(rows, repeat=layers)})


def additive(tasks: int, layers: int, seed: int) -> np.ndarray:
    """Own nodes are best, others cost something, layer by layer."""
    rng = np.random.default_rng(seed)
    table = np.ones((tasks,) * (layers + 1))
    for layer in range(layers):
        effect = 0.2 * rng.random((tasks, tasks)) * (1 - np.eye(tasks))
        table += effect.reshape(tasks, *(tasks if axis == layer else 1 for axis in range(layers)))
    return table / tasks


@pytest.mark.parametrize("kind", ["random", "additive"])
@pytest.mark.parametrize(("tasks", "layers"), [(1, 2), (2, 3), (3, 2), (3, 3)])
def test_no_tree_is_better(tasks: int, layers: int, kind: str) -> None:
    rng = np.random.default_rng(3)
    weighted = additive(tasks, layers, 0) if kind == "additive" else rng.random((tasks,) * (layers + 1))
    costs = rng.random(layers) + 0.1
    node_costs = np.repeat(costs[:, None], tasks, axis=1)
    points = [
        (tree.cost(node_costs), sum(weighted[(j, *path)] for j, path in enumerate(tree.paths)))
        for tree in all_trees(tasks, layers)
    ]
    own = sum(float(losses.min()) for losses in weighted)
    for factor in (1.0, 1.4, 2.0, float(tasks)):
        limit = factor * costs.sum()
        best = min(loss for cost, loss in points if cost <= limit + 1e-9)
        for known in (best, 1.5 * best):
            assert own - 1e-9 <= loss_bound(weighted, costs, limit, known) <= best + 1e-9


def test_a_budget_that_nobody_feels_and_one_that_everybody_does() -> None:
    weighted, costs = additive(5, 2, 1), np.ones(2)
    node_costs = np.ones((2, 5))
    front = pareto_front(weighted, np.ones(5), node_costs)
    free = loss_bound(weighted, costs, 10.0, front[-1].loss)
    assert free == pytest.approx(front[-1].loss)
    own = sum(float(losses.min()) for losses in weighted)
    tight = loss_bound(weighted, costs, 2.0, front[0].loss)
    # Much closer than what ignores the budget.
    assert front[0].loss - tight < 0.3 * (front[0].loss - own)
