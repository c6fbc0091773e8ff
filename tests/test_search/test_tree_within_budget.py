from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import tiny
import torch

from mmdymu import BranchingTree, Budget, Preference
from mmdymu.models import ControllableSegmentor
from mmdymu.search import BudgetedTree, tree_within_budget


@cache
def model_of(tasks: tuple[str, ...] = tiny.TASKS, *, table: bool, merge: tuple[int, ...] = (2, 2, 1)) -> Any:
    """A model whose hypernet answers by chance, with or without a table of path losses."""
    model = tiny.build_model(tasks, stream={"backbone": tiny.RESNET, "merge": merge}).eval()
    with torch.no_grad():
        model.edge_hypernet.logits.weight.mul_(20)
    if table:
        rng = np.random.default_rng(0)
        model.path_losses.copy_(torch.from_numpy(rng.random(tuple(model.path_losses.shape)) + 0.5))
    return model


@cache
def all_trees(tasks: int, layers: int) -> list[BranchingTree]:
    rows = list(itertools.product(range(tasks), repeat=tasks))
    return list({BranchingTree(parents) for parents in itertools.product(rows, repeat=layers)})


def objective_of(model: ControllableSegmentor, preference: Preference, tree: BranchingTree) -> float:
    """What is minimised, written plainly."""
    if model.path_losses.numel() and torch.isfinite(model.path_losses).all():
        table = model.path_losses
        pairs = enumerate(zip(preference.weights, tree.paths, strict=True))
        return sum(r * float(table[(j, *path)] / table[(j,) * table.ndim]) for j, (r, path) in pairs)
    with torch.no_grad():
        probs = model.edge_hypernet(torch.tensor([preference.weights]), torch.zeros(1))[0].softmax(-1).log()
    decisions = {
        (layer, child, parent)
        for task, path in enumerate(tree.paths)
        for layer, (parent, child) in enumerate(itertools.pairwise((*path, task)))
    }
    return -sum(float(probs[decision]) for decision in decisions)


def measures(model: ControllableSegmentor) -> dict[str, Callable[[BranchingTree], float]]:
    return {"flops": model.complexity.flops, "params": model.complexity.params}


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize(
    ("tasks", "merge"), [(tiny.TASKS[:2], (2, 2, 1)), (tiny.TASKS, (2, 3)), (tiny.TASKS, (2, 2, 1))]
)
@pytest.mark.parametrize("kind", ["flops", "params"])
def test_the_best_of_all_trees(tasks: tuple[str, ...], merge: tuple[int, ...], kind: str, table: bool) -> None:
    model = model_of(tasks, table=table, merge=merge)
    measure = measures(model)[kind]
    trees = all_trees(len(tasks), len(merge))
    costs = [measure(tree) for tree in trees]
    low, high = min(costs), max(costs)
    preference = Preference.parse([3.0, 2.0, 1.0][: len(tasks)], tasks=tasks)
    objectives = [objective_of(model, preference, tree) for tree in trees]
    before = float("inf")
    for limit in (low, low + 1, low + 0.3 * (high - low), low + 0.6 * (high - low), high, 2 * high):
        found = tree_within_budget(model, preference, {kind: limit})
        best = min(value for cost, value in zip(costs, objectives, strict=True) if cost <= limit)
        own = objective_of(model, preference, found.tree)
        assert found.cost == measure(found.tree) <= limit
        assert own == pytest.approx(best, rel=1e-5)
        assert own == pytest.approx(found.objective if table else -found.objective, rel=1e-5)
        assert (found.exact, found.gap, found.measure) == (True, 0.0, "loss" if table else "log_probability")
        assert own <= before + 1e-6  # more to spend is never worse
        before = own


def many_tasks(table: bool) -> Any:
    tasks = tuple(f"semseg{i}" for i in range(20))
    merge = (2, 3) if table else (1, 1, 1, 1, 1)
    return model_of(tasks, table=table, merge=merge)


@pytest.mark.parametrize("table", [True, False])
def test_twenty_tasks_within_a_stated_gap(table: bool) -> None:
    model = many_tasks(table)
    preference = Preference.sample(model.tasks, np.random.default_rng(0), cost_weight=0.0)
    low = model.complexity.flops(BranchingTree.shared(20, model.num_layers, 0))
    high = model.complexity.flops(model.anchor_tree)
    for part in (0.0, 0.1, 0.5):
        limit = low + part * (high - low)
        start = time.process_time()  # of this process, whatever else runs
        found = tree_within_budget(model, preference, {"flops": limit})
        assert time.process_time() - start < 1.0
        assert model.complexity.flops(found.tree) == found.cost <= limit
        sign = 1 if table else -1
        assert sign * found.objective == pytest.approx(objective_of(model, preference, found.tree), rel=1e-5)
        assert not found.exact
        for trunk in range(20):
            rival = objective_of(model, preference, BranchingTree.shared(20, model.num_layers, trunk))
            assert sign * found.objective <= rival + 1e-5
            assert rival >= sign * found.objective - found.gap - 1e-5


@pytest.mark.parametrize("table", [True, False])
def test_no_budget_of_200_is_exceeded(table: bool) -> None:
    model = model_of(table=table)
    rng = np.random.default_rng(1)
    low = model.complexity.flops(BranchingTree.shared(3, 3, 0))
    high = model.complexity.flops(model.anchor_tree)
    found = set()
    for _ in range(200):
        preference = Preference.sample(tiny.TASKS, rng, cost_weight=0.0)
        limit = rng.uniform(low, high)
        chosen = tree_within_budget(model, preference, Budget("flops", limit))
        assert model.complexity.flops(chosen.tree) <= limit
        found.add(chosen.tree)
    assert len(found) > 5


@pytest.mark.parametrize("table", [True, False])
def test_a_limit_just_below_a_tree_excludes_it(table: bool) -> None:
    model, rng = model_of(table=table), np.random.default_rng(2)
    trunk = model.complexity.flops(BranchingTree.shared(3, 3, 0))
    for tree in rng.permutation(len(all_trees(3, 3)))[:60]:
        cost = model.complexity.flops(all_trees(3, 3)[tree])
        for limit in (np.nextafter(cost, 0), cost * (1 - 5e-14)):
            if limit >= trunk:
                preference = Preference.sample(tiny.TASKS, rng, cost_weight=0.0)
                assert model.complexity.flops(tree_within_budget(model, preference, {"flops": limit}).tree) <= limit


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("kind", ["flops", "params"])
def test_refuses_what_no_tree_can_keep_and_names_what_one_can(kind: str, table: bool) -> None:
    model, preference = model_of(table=table), Preference.uniform(tiny.TASKS)
    smallest = measures(model)[kind](BranchingTree.shared(3, 3, 1))
    with pytest.raises(ValueError, match=rf"budget.{kind}=.* is too small.*budget.{kind}={smallest:.0f}, the small"):
        tree_within_budget(model, preference, {kind: smallest - 1})
    found = tree_within_budget(model, preference, {kind: smallest})
    assert found.cost == smallest
    assert len(set(found.tree.paths)) == 1


def test_a_table_that_is_not_measured_does_not_count() -> None:
    model = model_of(table=False)
    assert model.path_losses.numel() > 0
    found = tree_within_budget(model, Preference.uniform(tiny.TASKS), {"flops": 1e12})
    assert found.measure == "log_probability"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preference": Preference.uniform(tiny.TASKS, 0.5)}, "cost_weight=0.5 and a budget exclude each other"),
        ({"preference": Preference.uniform(("a", "b", "c"))}, r"about tasks \['a', 'b', 'c'\], the model has"),
        ({"budget": None}, "budget=None: give a budget"),
        ({"budget": {"macs": 1.0}}, "unknown kind 'macs'"),
    ],
)
def test_bad_arguments_are_named(changes: dict[str, Any], message: str) -> None:
    arguments = {"preference": Preference.uniform(tiny.TASKS), "budget": {"flops": 1e12}, **changes}
    with pytest.raises(ValueError, match=message):
        tree_within_budget(model_of(table=True), **arguments)


def test_says_what_was_found() -> None:
    found = BudgetedTree(BranchingTree.shared(2, 2, 0), 1e8, -0.5, False, 0.25, "log_probability", Budget("flops", 2e8))
    assert str(found) == (
        "at most 0.2 GFLOPs (multiply-adds): 0.1 GFLOPs (multiply-adds), log-probability -0.5000; the best may be "
        "better by 0.25"
    )
    told = {"flops": 2e8, "cost": 1e8, "measure": "log_probability", "objective": -0.5, "exact": False, "gap": 0.25}
    assert found.about() == {"budget": told}


def test_a_static_network_has_its_one_tree() -> None:
    parents = ((0, 0, 0), (0, 1, 1), (0, 1, 2))
    edges = {"type": "mmdymu.FixedEdges", "tree": parents}
    model = tiny.build_model(stream=tiny.SHORT, edge_hypernet=edges, weight_hypernet=None)
    model.path_losses.uniform_(1, 2)
    cost = model.complexity.flops(BranchingTree(parents))
    found = tree_within_budget(model, Preference.uniform(tiny.TASKS), {"flops": cost})
    assert (found.tree, found.cost, found.exact) == (BranchingTree(parents), cost, True)
    with pytest.raises(ValueError, match=rf"too small for the model's one tree: it needs budget.flops={cost:.0f}"):
        tree_within_budget(model, Preference.uniform(tiny.TASKS), {"flops": cost - 1})
