from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch

from mmdymu import BranchingTree, Preference
from mmdymu.evaluation.sweep import SweepSettings
from mmdymu.evaluation.sweep.costs import chosen_trees, controller_size, cost_curve, predict_trees, simplex_shares
from mmdymu.models import ControllableSegmentor


@pytest.fixture(scope="module")
def model() -> ControllableSegmentor:
    built = tiny.build_model(stream=tiny.SHORT).eval()
    with torch.no_grad():
        built.edge_hypernet.logits.weight.mul_(20)
    return built


def test_many_trees_at_once(model: ControllableSegmentor) -> None:
    rng = np.random.default_rng(0)
    preferences = [Preference.sample(tiny.TASKS, rng) for _ in range(600)]
    trees = predict_trees(model, preferences)
    assert len(set(trees)) > 3
    assert trees[::50] == [model.predict_tree(preference) for preference in preferences[::50]]
    assert len(trees) == 600


def test_cost_curve(model: ControllableSegmentor) -> None:
    settings = SweepSettings(preferences=1, curve_preferences=11, cost_weights=(0, 0.25, 1), seed=3)
    curve = cost_curve(model, settings)
    assert curve["preferences"] == 11
    assert curve["cost_weights"] == sorted([*(k / 10 for k in range(11)), 0.25])
    rng = np.random.default_rng(3)
    drawn = [Preference.sample(tiny.TASKS, rng, cost_weight=0.0) for _ in range(11)]
    trees = [model.predict_tree(Preference(r.tasks, r.weights, 0.25)) for r in drawn]
    at = curve["cost_weights"].index(0.25)
    for name, measure in (("share", model.complexity.share), ("flops", model.complexity.flops)):
        values = sorted(measure(tree) for tree in trees)
        assert curve[name]["mean"][at] == pytest.approx(sum(values) / 11)
        assert curve[name]["p10"][at] == pytest.approx(values[1])
        assert curve[name]["p90"][at] == pytest.approx(values[9])


def test_simplex(model: ControllableSegmentor) -> None:
    found = simplex_shares(model, (0.0, 1.0))
    assert found is not None
    weights = np.array(found["weights"])
    assert len(weights) == 21 * 22 // 2
    assert weights.sum(axis=1) == pytest.approx(1)
    assert {tuple(row) for row in np.eye(3)} <= {tuple(row) for row in found["weights"]}
    for c, row in zip((0.0, 1.0), found["share"], strict=True):
        tree = model.predict_tree(Preference.parse(found["weights"][100], cost_weight=c, tasks=tiny.TASKS))
        assert row[100] == model.complexity.share(tree)


def test_no_simplex_of_two_tasks() -> None:
    assert simplex_shares(tiny.build_model(("semseg", "depth"), stream=tiny.SHORT), (0.0,)) is None


def test_chosen_trees(model: ControllableSegmentor) -> None:
    found = chosen_trees(model, (0.0, 0.5, 1.0))
    names = ["uniform", "semseg 0.8", "depth 0.8", "normals 0.8"]
    assert [(entry["name"], entry["cost_weight"]) for entry in found] == [(n, c) for n in names for c in (0.0, 1.0)]
    entry = found[5]
    assert entry["weights"] == pytest.approx([0.1, 0.8, 0.1])
    tree = BranchingTree(tuple(map(tuple, entry["parents"])))
    assert tree == model.predict_tree(Preference.parse([0.1, 0.8, 0.1], cost_weight=1.0, tasks=tiny.TASKS))
    assert (entry["share"], entry["flops"]) == (model.complexity.share(tree), model.complexity.flops(tree))
    assert len(chosen_trees(model, (0.5,))) == 4


def test_controller_size(model: ControllableSegmentor) -> None:
    found = controller_size(model)
    total = sum(parameter.numel() for parameter in model.parameters())
    assert found["edge_hypernet"] > 0 < found["weight_hypernet"]
    assert found["params"] == found["edge_hypernet"] + found["weight_hypernet"]
    assert found["params"] + found["anchor_params"] == total
    bare = controller_size(tiny.build_model(stream=tiny.SHORT, weight_hypernet=None))
    assert (bare["params"], bare["weight_hypernet"]) == (found["edge_hypernet"], 0)
