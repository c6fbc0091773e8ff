from __future__ import annotations

import itertools

import numpy as np
import pytest

from mmdymu import BranchingTree
from mmdymu.search.likelihood import log_probability, most_probable_tree

Arrays = tuple[np.ndarray, np.ndarray]


def problem(tasks: int, layers: int, seed: int, scale: float = 2.0) -> Arrays:
    rng = np.random.default_rng(seed)
    logits = scale * rng.normal(size=(layers, tasks, tasks))
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)), rng.random(layers) + 0.1


def all_trees(tasks: int, layers: int) -> list[BranchingTree]:
    rows = list(itertools.product(range(tasks), repeat=tasks))
    return list({BranchingTree(parents) for parents in itertools.product(rows, repeat=layers)})


def by_hand(log_probs: np.ndarray, costs: np.ndarray, tree: BranchingTree) -> tuple[float, float]:
    """Cost and log-probability, decision after decision along the tasks' paths."""
    decisions, nodes = set(), set()
    for task, path in enumerate(tree.paths):
        for layer, (parent, child) in enumerate(itertools.pairwise((*path, task))):
            decisions.add((layer, child, parent))
            nodes.add((layer, parent))
    return sum(costs[layer] for layer, _ in nodes), sum(log_probs[decision] for decision in decisions)


@pytest.mark.parametrize(("tasks", "layers"), [(1, 2), (2, 1), (2, 4), (3, 1), (3, 3), (4, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_by_enumeration(tasks: int, layers: int, seed: int) -> None:
    log_probs, costs = problem(tasks, layers, seed)
    points = [by_hand(log_probs, costs, tree) for tree in all_trees(tasks, layers)]
    before = -np.inf
    for factor in (1.0, 1.2, 1.5, 2.0, 3.0, float(tasks)):
        limit = costs.sum() * factor
        best = max(value for cost, value in points if cost <= limit + 1e-9)
        found = most_probable_tree(log_probs, costs, limit)
        cost, value = by_hand(log_probs, costs, found.tree)
        assert cost <= limit + 1e-9
        assert value == pytest.approx(found.log_probability)
        assert value == pytest.approx(log_probability(log_probs, found.tree))
        assert value == pytest.approx(best)
        assert (found.exact, found.bound) == (True, found.log_probability)
        assert value >= before - 1e-12
        before = value
        near = most_probable_tree(log_probs, costs, limit, exact=False)
        assert by_hand(log_probs, costs, near.tree)[0] <= limit + 1e-9
        assert near.log_probability <= best + 1e-9 <= near.bound + 2e-9
        assert not near.exact


def test_the_separate_streams_if_sure_and_affordable() -> None:
    log_probs = np.full((4, 3, 3), -9.0)
    log_probs[:, range(3), range(3)] = -0.1
    found = most_probable_tree(log_probs, np.ones(4), 12.0)
    assert found.tree == BranchingTree.separate(3, 4)
    assert found.log_probability == pytest.approx(-1.2)
    # One decision must be improbable; if it is a head's, its stream's other decisions are gone.
    less = most_probable_tree(log_probs, np.ones(4), 11.0)
    assert less.tree.num_used == 8
    assert less.log_probability == pytest.approx(-9.0 - 8 * 0.1)


def test_of_equally_probable_trees_a_cheapest() -> None:
    log_probs = np.zeros((3, 3, 3))
    assert most_probable_tree(log_probs, np.ones(3), 9.0).tree.num_used == 3


def test_many_tasks_keep_the_limit_and_state_a_bound() -> None:
    log_probs, costs = problem(20, 5, 0)
    for factor in (1.0, 1.5, 3.0, 20.0):
        limit = costs.sum() * factor
        found = most_probable_tree(log_probs, costs, limit)
        assert by_hand(log_probs, costs, found.tree)[0] <= limit + 1e-9
        assert found.log_probability <= found.bound
        assert not found.exact
    # Without a limit nothing is better than the best decisions of all heads, wherever these lead.
    assert found.bound <= log_probs[-1].max(axis=-1).sum() + 1e-5


def test_no_drawn_tree_of_many_tasks_beats_the_bound() -> None:
    log_probs, costs = problem(12, 3, 1, scale=0.5)
    found = most_probable_tree(log_probs, costs, 2 * costs.sum())
    rng = np.random.default_rng(0)
    for trunk in range(12):
        for branch in range(4):
            cost, value = by_hand(log_probs, costs, BranchingTree.heuristic(12, 3, trunk, branch))
            assert cost > 2 * costs.sum() or value <= found.log_probability + 1e-12
    for _ in range(200):
        parents = [rng.choice(rng.choice(12, size=2), size=12).tolist() for _ in range(3)]
        cost, value = by_hand(log_probs, costs, BranchingTree(tuple(map(tuple, parents))))
        assert cost > 2 * costs.sum() + 1e-9 or value <= found.bound
