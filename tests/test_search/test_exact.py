from __future__ import annotations

from functools import cache
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import torch

from mmdymu.search import placement
from mmdymu.search.chains import chains, count_chains
from mmdymu.search.exact import best_tree, pareto_front, table_entries
from mmdymu.tree import BranchingTree

Problem = tuple[Any, Any, Any]


@cache
def all_trees(tasks: int, layers: int) -> list[BranchingTree]:
    rows = list(product(range(tasks), repeat=tasks))
    return list({BranchingTree(parents) for parents in product(rows, repeat=layers)})


def random_problem(tasks: int, layers: int, seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    table = rng.random((tasks,) * (layers + 1))
    costs = np.repeat(rng.random((layers, 1)) + 0.1, tasks, axis=1)
    return table, rng.dirichlet([1.0] * tasks), costs


def loss_of(tree: BranchingTree, table: Any, weights: Any) -> float:
    return float(sum(weights[task] * table[(task, *path)] for task, path in enumerate(tree.paths)))


@pytest.mark.parametrize(("tasks", "layers"), [(1, 3), (2, 1), (2, 4), (3, 1), (3, 3), (4, 1)])
@pytest.mark.parametrize("seed", [0, 1])
def test_front_by_enumeration_of_trees(tasks: int, layers: int, seed: int) -> None:
    table, weights, costs = random_problem(tasks, layers, seed)
    points = [(tree.share(costs), loss_of(tree, table, weights)) for tree in all_trees(tasks, layers)]
    front = pareto_front(table, weights, costs, exact=True)
    assert all(found.exact for found in front)
    for found in front:
        assert found.tree.share(costs) == pytest.approx(found.share, abs=1e-9)
        assert loss_of(found.tree, table, weights) == pytest.approx(found.loss)
    shares = np.array([found.share for found in front])
    losses = np.array([found.loss for found in front])
    assert (np.diff(shares) > 0).all()
    assert (np.diff(losses) < 0).all()
    for share, loss in points:
        # Nothing beats the front: the front's best within this share is as good.
        assert losses[shares <= share + 1e-9].min() <= loss + 1e-9
    for share, loss in zip(shares, losses, strict=True):
        assert min(other for found, other in points if found <= share + 1e-9) == pytest.approx(loss)


@pytest.mark.parametrize("max_share", [0.0, 0.3, 0.7, 1.0, None])
def test_best_tree_under_a_budget_and_a_price(max_share: float | None) -> None:
    table, weights, costs = random_problem(3, 3, 5)
    limit = 2.0 if max_share is None else max_share + 1e-9
    allowed = [tree for tree in all_trees(3, 3) if tree.share(costs) <= limit]
    for price in (0.0, 0.05, 0.5):
        found = best_tree(table, weights, costs, max_share=max_share, cost_weight_penalty=price)
        assert found.share(costs) <= limit

        def objective(tree: BranchingTree, price: float = price) -> float:
            return loss_of(tree, table, weights) + price * tree.share(costs)

        assert objective(found) == pytest.approx(min(map(objective, allowed)))


def test_the_paths_own_history_counts() -> None:
    # A table no layer-wise rule can solve: only two long paths are any good, and they cross twice.
    table = np.ones((2, 2, 2, 2, 2))
    table[0, 0, 1, 0, 1] = table[1, 1, 0, 1, 0] = 0.0
    tree = best_tree(table, [0.5, 0.5], np.ones((4, 2)))
    assert tree.paths == ((0, 1, 0, 1), (1, 0, 1, 0))


@pytest.mark.parametrize(("tasks", "layers"), [(3, 8), (4, 4), (5, 3)])
def test_no_drawn_tree_beats_the_front_of_larger_problems(tasks: int, layers: int) -> None:
    table, weights, costs = random_problem(tasks, layers, 0)
    front = pareto_front(table, weights, costs)
    assert front[0].share == 0.0
    rng = np.random.default_rng(0)
    for _ in range(300):
        tree = BranchingTree(tuple(map(tuple, rng.integers(tasks, size=(layers, tasks)).tolist())))
        best = min(found.loss for found in front if found.share <= tree.share(costs) + 1e-9)
        assert best <= loss_of(tree, table, weights) + 1e-12


def test_separate_streams_that_are_best_are_found() -> None:
    tasks, layers = 4, 5
    table = np.ones((tasks,) * (layers + 1))
    for task in range(tasks):
        table[(task,) * (layers + 1)] = 0.5
    front = pareto_front(table, [0.25] * tasks, np.ones((layers, tasks)))
    assert front[-1].tree == BranchingTree.separate(tasks, layers)
    assert front[0].tree in [BranchingTree.shared(tasks, layers, stream) for stream in range(tasks)]


def test_unimportant_tasks_cost_nothing() -> None:
    table, _, costs = random_problem(3, 4, 2)
    front = pareto_front(table, [0.0, 1.0, 0.0], costs)
    assert len(front) == 1
    assert front[0].share == 0.0
    assert front[0].loss == pytest.approx(table[1].min())


@pytest.mark.parametrize(("tasks", "layers"), [(3, 3), (20, 2)])
def test_greedy_search_gives_a_valid_front(tasks: int, layers: int) -> None:
    table, weights, costs = random_problem(tasks, layers, 3)
    front = pareto_front(table, weights, costs, exact=False)
    assert front[0].share == 0.0
    assert (np.diff([found.share for found in front]) > 0).all()
    assert (np.diff([found.loss for found in front]) < 0).all()
    assert not any(found.exact for found in front)
    for found in front:
        assert found.tree.share(costs) == pytest.approx(found.share, abs=1e-9)
        assert loss_of(found.tree, table, weights) == pytest.approx(found.loss)
    for trunk in range(tasks):
        for branch in range(layers + 1):
            tree = BranchingTree.heuristic(tasks, layers, trunk, branch)
            reachable = [found.loss for found in front if found.share <= tree.share(costs) + 1e-9]
            assert min(reachable) <= loss_of(tree, table, weights) + 1e-12
    assert all(found.share <= 0.4 for found in pareto_front(table, weights, costs, exact=False, max_share=0.4))


def test_a_search_that_had_to_drop_states_does_not_call_itself_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    table, weights, costs = random_problem(4, 4, 1)
    assert all(found.exact for found in pareto_front(table, weights, costs))
    monkeypatch.setattr(placement, "_BEAM", 1)
    monkeypatch.setattr(placement, "_MAX_STATES", 2)
    assert not any(found.exact for found in pareto_front(table, weights, costs))


def test_tensors_are_welcome() -> None:
    table, weights, costs = random_problem(3, 3, 1)
    expected = best_tree(table, weights, costs)
    found = best_tree(torch.tensor(table, requires_grad=True), torch.tensor(weights), torch.tensor(costs))
    assert found == expected


@pytest.mark.parametrize(("tasks", "layers"), [(1, 3), (2, 5), (3, 4), (4, 3)])
def test_chains_refine_and_are_counted(tasks: int, layers: int) -> None:
    listed = list(chains(tuple(range(tasks)), layers))
    assert len(listed) == len(set(listed)) == count_chains(tasks, layers)
    for chain in listed:
        for partition in chain:
            assert sorted(sum(partition, ())) == list(range(tasks))
        for coarse, fine in pairwise(chain):
            assert all(any(set(block) <= set(other) for other in coarse) for block in fine)


def test_table_entries() -> None:
    assert table_entries(3, 8) == np.empty((3,) * 9).size == 19683


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        (dict(table=np.ones((3, 3, 2))), "table"),
        (dict(table=np.ones(3)), "table"),
        (dict(table=1.0), "table"),
        (dict(table=np.full((3, 3, 3), np.nan)), "table"),
        (dict(table=[["a"]]), "table"),
        (dict(weights=[1.0, 0.0]), "weights"),
        (dict(weights=[1.0, -1.0, 1.0]), "weights"),
        (dict(node_costs=np.ones((3, 3))), "node_costs"),
        (dict(node_costs=np.zeros((2, 3))), "node_costs"),
        (dict(node_costs=[[1, 2, 3], [1, 1, 1]]), "node_costs must be equal"),
        (dict(max_share=-0.1), "max_share"),
        (dict(max_share=float("nan")), "max_share"),
        (dict(cost_weight_penalty=-1.0), "cost_weight_penalty"),
    ],
)
def test_bad_arguments_are_named(changes: dict[str, Any], name: str) -> None:
    arguments: dict[str, Any] = dict(table=np.ones((3, 3, 3)), weights=[1.0, 0.0, 0.0], node_costs=np.ones((2, 3)))
    with pytest.raises(ValueError, match=name):
        best_tree(**{**arguments, **changes})
