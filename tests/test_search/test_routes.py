"""Routes give what single networks give, and run nothing twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import tiny
import tiny_classes
import torch

from mmdymu import BranchingTree, Preference
from mmdymu.models import ControllableNet, ControllableSegmentor
from mmdymu.search.routes import NodeVariants, Route, network_of, run_routes


def random_tree(rng: np.random.Generator, tasks: int = 3, layers: int = 3) -> BranchingTree:
    return BranchingTree(tuple(tuple(map(int, rng.integers(0, tasks, tasks))) for _ in range(layers)))


@pytest.fixture(scope="module")
def model() -> ControllableSegmentor:
    built = tiny.build_model(stream=tiny.SHORT).eval()
    with torch.no_grad():
        for parameter in built.weight_hypernet.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    return built


@torch.no_grad()
def test_equal_to_running_every_tree_alone(model: ControllableSegmentor) -> None:
    rng, variants = np.random.default_rng(0), NodeVariants()
    inputs = torch.randn(2, 3, *tiny.SIZE)
    networks = []
    for k in range(6):
        tree = random_tree(rng)
        preference = Preference.sample(tiny.TASKS, rng)
        states = model.norm_states(preference, tree) if k % 2 else None
        networks.append((network_of(variants, tree, states), model.run_tree(inputs, tree, states)))
    found = dict(run_routes(model, variants, inputs, [route for network, _ in networks for route in network]))
    for network, expected in networks:
        for task, route in zip(tiny.TASKS, network, strict=True):
            assert torch.equal(found[route], expected[task])


@torch.no_grad()
def test_equal_where_images_count_for_one_task() -> None:
    model = tiny_classes.build_model().eval()
    samples = tiny_classes.samples([("fish", 0), ("people", 1), ("fish", 2)])
    rows, inputs, variants = model.task_rows(samples), torch.randn(3, 3, 32, 32), NodeVariants()
    rng = np.random.default_rng(1)
    trees = [random_tree(rng, layers=model.num_layers) for _ in range(4)]
    networks = [network_of(variants, tree) for tree in trees]
    found = dict(run_routes(model, variants, inputs, [route for network in networks for route in network], rows))
    assert {route.task for route in found} == {0, 2}
    for tree, network in zip(trees, networks, strict=True):
        expected = model.run_tree(inputs, tree, rows=rows)
        for task, route in zip(model.tasks, network, strict=True):
            if task in expected:
                assert torch.allclose(found[route], expected[task], atol=1e-5)


def count_runs(monkeypatch: pytest.MonkeyPatch, model: ControllableNet) -> Counter:
    runs: Counter = Counter()
    run_node = type(model.backbone).run_node

    def counted(self: Any, node: Any, *args: Any) -> Any:
        runs[node] += 1
        return run_node(self, node, *args)

    monkeypatch.setattr(type(model.backbone), "run_node", counted)
    return runs


def test_common_beginnings_run_once(model: ControllableSegmentor, monkeypatch: pytest.MonkeyPatch) -> None:
    variants, runs = NodeVariants(), count_runs(monkeypatch, model)
    trunk = BranchingTree.shared(3, 3, 0)
    half = BranchingTree.heuristic(3, 3, 0, 1)
    routes = [route for tree in (trunk, half, trunk) for route in network_of(variants, tree)]
    assert len(list(run_routes(model, variants, torch.randn(1, 3, *tiny.SIZE), routes))) == len(set(routes))
    # The stem once for both trees, layer 1 once for each stream that is used, and so on: no node with two inputs.
    expected = {(0, 0): 1, (1, 0): 1, (1, 1): 1, (1, 2): 1, (2, 0): 1, (2, 1): 1, (2, 2): 1}
    assert runs == Counter(expected)


def test_equal_states_have_equal_numbers(model: ControllableSegmentor) -> None:
    tree, variants = model.anchor_tree, NodeVariants()
    preference, other = (Preference.parse(r, cost_weight=0.5, tasks=tiny.TASKS) for r in ([1, 1, 1], [2, 1, 1]))
    first, again = (network_of(variants, tree, model.norm_states(preference, tree)) for _ in range(2))
    assert first == again
    assert first != network_of(variants, tree, model.norm_states(other, tree))
    assert network_of(variants, tree, {}) == network_of(variants, tree) != first


def test_states_differ_by_value_shape_and_name() -> None:
    variants, node = NodeVariants(), (0, 0)
    states = [{"a": torch.zeros(2)}, {"a": torch.zeros(1, 2)}, {"b": torch.zeros(2)}, {"a": torch.tensor([0.0, 1e-9])}]
    assert [variants.number(node, state) for state in states] == [1, 2, 3, 4]
    assert [variants.number((0, 1), state) for state in states[:1]] == [5]
    assert variants.number(node, {"a": torch.zeros(2)}) == 1
    assert variants.number(node, None) == variants.number(node, {}) == 0
    assert variants.state((node, 0)) is None


def test_no_routes_run_nothing(model: ControllableSegmentor) -> None:
    assert list(run_routes(model, NodeVariants(), torch.randn(1, 3, *tiny.SIZE), [])) == []


def test_a_route_tells_its_path(model: ControllableSegmentor) -> None:
    network = network_of(NodeVariants(), BranchingTree.heuristic(3, 3, 1, 2))
    assert network[2] == Route(2, (((0, 1), 0), ((1, 1), 0), ((2, 2), 0), ((3, 2), 0)))
