from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mmdymu.tree import BranchingTree


def random_tree(rng: np.random.Generator, tasks: int, layers: int) -> BranchingTree:
    return BranchingTree(tuple(map(tuple, rng.integers(tasks, size=(layers, tasks)).tolist())))


def walk(parents: Any, task: int) -> list[int]:
    path: list[int] = []
    node = task
    for layer in range(len(parents) - 1, -1, -1):
        node = parents[layer][node]
        path.insert(0, node)
    return path


@pytest.mark.parametrize("tasks", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("layers", [1, 4])
def test_separate_and_shared(tasks: int, layers: int) -> None:
    separate = BranchingTree.separate(tasks, layers)
    assert separate.paths == tuple((task,) * layers for task in range(tasks))
    assert (separate.num_tasks, separate.num_layers, separate.num_used) == (tasks, layers, tasks * layers)
    shared = BranchingTree.shared(tasks, layers, tasks - 1)
    assert shared.paths == ((tasks - 1,) * layers,) * tasks
    assert shared.num_used == layers
    costs = np.arange(1, layers + 1)[:, None].repeat(tasks, 1)
    assert shared.share(costs) == pytest.approx(0.0)
    assert separate.share(costs) == pytest.approx(1.0 if tasks > 1 else 0.0)


@pytest.mark.parametrize("tasks", [2, 3, 5, 20])
def test_paths_and_used_nodes_by_walking(tasks: int) -> None:
    rng = np.random.default_rng(tasks)
    for _ in range(20):
        tree = random_tree(rng, tasks, 5)
        walks = [walk(tree.parents, task) for task in range(tasks)]
        assert [list(path) for path in tree.paths] == walks
        used = {(layer, node) for path in walks for layer, node in enumerate(path)}
        assert {(layer, node) for layer, nodes in enumerate(tree.used_nodes) for node in nodes} == used
        assert tree.num_used == len(used)
        costs = rng.random((5, tasks))
        assert tree.cost(costs.tolist()) == pytest.approx(sum(costs[layer, node] for layer, node in used))
        trunk = costs.sum() / tasks
        assert tree.share(torch.tensor(costs)) == pytest.approx((tree.cost(costs) / trunk - 1) / (tasks - 1))


def test_heuristic_branches_at_its_layer() -> None:
    tree = BranchingTree.heuristic(3, 4, trunk=1, branch_layer=3)
    assert tree.paths == ((1, 1, 1, 0), (1, 1, 1, 1), (1, 1, 1, 2))
    assert tree.used_nodes == ((1,), (1,), (1,), (0, 1, 2))
    assert BranchingTree.heuristic(3, 4, 2, 0) == BranchingTree.separate(3, 4)
    assert BranchingTree.heuristic(3, 4, 2, 4) == BranchingTree.shared(3, 4, 2)


def test_unused_nodes_do_not_matter() -> None:
    first = BranchingTree(((0, 0, 2), (1, 1, 1)))
    second = BranchingTree(((2, 0, 1), (1, 1, 1)))
    assert first == second
    assert hash(first) == hash(second)
    assert first != BranchingTree(((0, 1, 2), (1, 1, 1)))
    assert first != "tree"


def test_from_logits() -> None:
    logits = np.array([[[0.0, 0.0], [1.0, 2.0]], [[-1.0, -np.inf], [3.0, 3.0]]])
    for form in (logits, logits.tolist(), torch.tensor(logits), torch.tensor(logits, dtype=torch.bfloat16)):
        assert BranchingTree.from_logits(form).parents == ((0, 1), (0, 0))


def test_edges_and_paths_lead_back() -> None:
    rng = np.random.default_rng(0)
    for tasks in (1, 2, 3, 5, 20):
        tree = random_tree(rng, tasks, 4)
        edges = np.array(tree.to_edges())
        assert edges.shape == (4, tasks, tasks)
        assert (edges.sum(-1) == 1).all()
        assert BranchingTree.from_logits(edges).parents == tree.parents
        assert BranchingTree.from_paths(tree.paths) == tree


@pytest.mark.parametrize(
    "paths", [[], [[]], [[0, 1]], [[0, 1], [0]], [[0, 2], [0, 1]], [[0, 1], [1, 1]], [0, 1], [["a"], ["b"]]]
)
def test_impossible_paths_are_refused(paths: Any) -> None:
    with pytest.raises(ValueError, match=r"paths|parents"):
        BranchingTree.from_paths(paths)


@pytest.mark.parametrize(
    "parents",
    [(), ((),), ((0, 1), (0,)), ((0, 2),), ((0, -1),), ((0, 1.0),), ((True, 0),), 3, ("ab",), (0, 1), None],
)
def test_bad_parents_are_refused(parents: Any) -> None:
    with pytest.raises(ValueError, match="parents must"):
        BranchingTree(parents)


@pytest.mark.parametrize(
    "logits", [np.zeros((2, 3)), np.zeros((2, 3, 2)), np.zeros((0, 2, 2)), [[["a"]]], [[[1], [2, 3]]], None]
)
def test_bad_logits_are_refused(logits: Any) -> None:
    with pytest.raises(ValueError, match="logits must"):
        BranchingTree.from_logits(logits)


def test_nan_logits_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        BranchingTree.from_logits([[[0.0, float("nan")], [0.0, 0.0]]])


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((0, 3, 0, 0), "num_tasks"),
        ((3, 0, 0, 0), "num_layers"),
        ((3, 3, 3, 1), "trunk"),
        ((3, 3, -1, 1), "trunk"),
        ((3, 3, 0, 4), "branch_layer"),
        ((3, 3, 0, 1.0), "branch_layer"),
    ],
)
def test_bad_constructor_arguments_are_named(arguments: Any, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        BranchingTree.heuristic(*arguments)


def test_bad_stream_is_named() -> None:
    with pytest.raises(ValueError, match="stream must be in"):
        BranchingTree.shared(3, 2, 3)


@pytest.mark.parametrize("costs", [[[1, 1]], [[1, 1, 1]] * 2, [[1, -1]] * 2, [[1, np.nan]] * 2, 3, [["a", 1]] * 2])
def test_bad_costs_are_refused(costs: Any) -> None:
    with pytest.raises(ValueError, match="node_costs"):
        BranchingTree.separate(2, 2).cost(costs)


def test_zero_costs_have_no_share() -> None:
    with pytest.raises(ValueError, match="node_costs"):
        BranchingTree.separate(2, 1).share([[0, 0]])


def test_drawing() -> None:
    tree = BranchingTree.from_paths([(1, 1, 0), (1, 1, 1), (1, 1, 1)])
    drawn = tree.draw(["semseg", "depth", "normals"])
    assert drawn.splitlines() == [
        "layers 0-1   | [depth] semseg + depth + normals",
        "layer  2     | [semseg]   [depth] depth + normals",
    ]
    with pytest.raises(ValueError, match="tasks must name"):
        tree.draw(["semseg"])


def test_drawing_of_many_tasks_fits_and_names_all() -> None:
    tasks = [f"superclass{i}" for i in range(20)]
    drawn = BranchingTree.heuristic(20, 6, 3, 4).draw(tasks)
    assert all(len(line) <= 110 for line in drawn.splitlines())
    assert len(drawn.splitlines()) < 10
    assert "all 20 tasks" in drawn
    assert all(task in drawn for task in tasks)
