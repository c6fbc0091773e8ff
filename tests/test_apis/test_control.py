from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch

from mmdymu import BranchingTree, Preference
from mmdymu.apis import ControlSettings, measure_control, summary
from mmdymu.engine import Batch, Frames, calibrate
from mmdymu.models import ControllableSegmentor
from mmdymu.models.segmentors import Selection
from mmdymu.search.brackets import heuristic_tree
from mmdymu.search.path_table import build_path_table, shrink_labels

SETTINGS = ControlSettings(preferences=3, cost_weights=(0.0, 0.5, 1.0), oracle_images=4, adapted_preferences=2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ControllableSegmentor:
    """Trained so little that the hypernets still answer by chance, which gives many different trees."""
    trained = tiny.train(tmp_path_factory.mktemp("run"), model=tiny.model_config(stream=tiny.SHORT)).model
    with torch.no_grad():
        trained.edge_hypernet.logits.weight.mul_(20)
    return trained.eval()


@pytest.fixture(scope="module")
def test_frames(model: ControllableSegmentor) -> list[Batch]:
    return Frames(tiny.test_loader(size=4)["dataset"]).batches(model, batch_size=2)


@pytest.fixture(scope="module")
def training_frames(model: ControllableSegmentor) -> list[Batch]:
    return Frames(tiny.test_loader(size=8)["dataset"]).batches(model, batch_size=4)


@pytest.fixture(scope="module")
def report(model: ControllableSegmentor, test_frames: list[Batch], training_frames: list[Batch]) -> dict[str, Any]:
    return measure_control(model, test_frames, training_frames, SETTINGS)


@pytest.fixture(scope="module")
def table(model: ControllableSegmentor, test_frames: list[Batch]) -> np.ndarray:
    """Losses of all paths on the test frames."""
    tables = [build_path_table(model, batch.inputs, batch.data_samples, progress=False) for batch in test_frames]
    return (sum(tables) / len(tables)).double().numpy()


@pytest.fixture(scope="module")
def drawn() -> list[Preference]:
    rng = np.random.default_rng(0)
    return [Preference.sample(tiny.TASKS, rng, cost_weight=0.0) for _ in range(3)]


def tree_of(model: ControllableSegmentor, weights: Any, cost_weight: float) -> BranchingTree:
    with torch.no_grad():
        logits = model.edge_hypernet(torch.tensor([weights]), torch.tensor([cost_weight]))[0]
    return BranchingTree(tuple(tuple(row.argmax(-1).tolist()) for row in logits))


def relative(table: np.ndarray, tree: BranchingTree) -> np.ndarray:
    own = [table[(j, *path)] for j, path in enumerate(tree.paths)]
    single = [table[j, j, j, j] for j in range(3)]
    return np.array(own) / np.array(single)


def share_of(model: ControllableSegmentor, tree: BranchingTree) -> float:
    flops = [row[0] for row in model.complexity.node_flops]
    used = sum(len(set(layer)) * cost for layer, cost in zip(zip(*tree.paths, strict=True), flops, strict=True))
    return (used / sum(flops) - 1) / 2


def test_shares(model: ControllableSegmentor, report: dict[str, Any], drawn: list[Preference]) -> None:
    shares = np.array([[share_of(model, tree_of(model, r.weights, c)) for c in SETTINGS.cost_weights] for r in drawn])
    found = report["shares"]
    assert found["mean_by_cost_weight"] == pytest.approx(dict(zip(("0.0", "0.5", "1.0"), shares.mean(0), strict=True)))
    assert found["range"] == pytest.approx(shares[:, 0].mean() - shares[:, 2].mean())
    rises = [any(after - before > 0.01 for before, after in itertools.pairwise(row)) for row in shares]
    assert found["rising_preferences"] == pytest.approx(sum(rises) / 3)
    trees = {tree_of(model, r.weights, c) for r in drawn for c in SETTINGS.cost_weights}
    assert report["distinct_trees"] == len(trees)


def test_corners_and_own_weights(model: ControllableSegmentor, report: dict[str, Any], table: np.ndarray) -> None:
    assert report["single_task_losses"] == pytest.approx([table[j, j, j, j] for j in range(3)], rel=1e-5)
    for j, task in enumerate(tiny.TASKS):

        def skewed(weight: float, j: int = j) -> list[float]:
            return [weight if i == j else (1 - weight) / 2 for i in range(3)]

        corner = [share_of(model, tree_of(model, skewed(0.98), c)) for c in (0.0, 1.0)]
        assert report["corners"][task] == pytest.approx(corner)
        for c in (0.0, 1.0):
            expected = [relative(table, tree_of(model, skewed(weight), c))[j] for weight in (0.8, 0.1)]
            assert report["own_weight"][task][str(c)] == pytest.approx(expected, rel=1e-5)


def all_trees() -> list[BranchingTree]:
    rows = list(itertools.product(range(3), repeat=3))
    return list({BranchingTree(parents) for parents in itertools.product(rows, repeat=3)})


def test_brackets(
    model: ControllableSegmentor, report: dict[str, Any], table: np.ndarray, drawn: list[Preference]
) -> None:
    training = model.path_losses.double().numpy()
    candidates = [(share_of(model, tree), relative(table, tree), relative(training, tree)) for tree in all_trees()]
    expected: dict[str, list[float]] = {"controller": [], "heuristic": [], "oracle": [], "search": []}
    for preference, c in itertools.product(drawn, SETTINGS.cost_weights):
        r = np.array(preference.weights)
        chosen = tree_of(model, preference.weights, c)
        share = share_of(model, chosen)
        trunk = preference.weights.index(max(preference.weights))
        fits = [BranchingTree.heuristic(3, 3, trunk, layer) for layer in range(4)]
        heuristic = next(tree for tree in fits if share_of(model, tree) <= share + 1e-9)
        feasible = [(test, train) for s, test, train in candidates if s <= share + 1e-9]
        expected["controller"].append(r @ relative(table, chosen))
        expected["heuristic"].append(r @ relative(table, heuristic))
        expected["oracle"].append(min(r @ test for test, _ in feasible))
        expected["search"].append(r @ min(feasible, key=lambda pair: r @ pair[1])[0])
    for name, values in expected.items():
        found = report["brackets"][name]
        assert found["mean"] == pytest.approx(np.mean(values), rel=1e-4), name
        assert found["by_cost_weight"] == pytest.approx(np.array(values).reshape(3, 3).mean(0), rel=1e-4)
    assert report["brackets"]["oracle"]["mean"] <= report["brackets"]["controller"]["mean"] + 1e-9


@torch.no_grad()
def test_norms(
    model: ControllableSegmentor,
    report: dict[str, Any],
    test_frames: list[Batch],
    training_frames: list[Batch],
    drawn: list[Preference],
) -> None:
    small = [(batch.inputs, shrink_labels(model, batch.inputs, batch.data_samples)) for batch in test_frames]

    def losses(selection: Selection) -> np.ndarray:
        parts = []
        for inputs, samples in small:
            outputs = model.run_tree(inputs, selection.tree, selection.node_states)
            parts.append(model.task_losses(outputs, samples)[0])
        return torch.stack(parts).mean(0).double().numpy()

    single = losses(Selection(drawn[0], model.anchor_tree))
    names = ("running", "batch", "calibrated", "running_adapted", "calibrated_adapted")
    expected: dict[str, list[float]] = {name: [] for name in names}
    for preference, c in itertools.product(drawn[:2], (0.0, 1.0)):
        asked = Preference(tiny.TASKS, preference.weights, c)
        plain = Selection(asked, tree_of(model, preference.weights, c))
        adapted = Selection(asked, plain.tree, model.norm_states(asked, plain.tree))
        values = {
            "running": losses(plain),
            "calibrated": losses(plain.with_states(calibrate(model, plain, training_frames))),
            "running_adapted": losses(adapted),
            "calibrated_adapted": losses(adapted.with_states(calibrate(model, adapted, training_frames))),
        }
        model.set_norm_statistics("batch")
        values["batch"] = losses(plain)
        model.set_norm_statistics("running")
        for name, value in values.items():
            expected[name].append(float(np.array(preference.weights) @ (value / single)))
    found = report["norms"]
    assert {name: found[name] for name in expected} == pytest.approx(
        {name: np.mean(values) for name, values in expected.items()}, rel=1e-5
    )
    for name in ("running", "calibrated"):
        gains = np.array(expected[name]) - np.array(expected[f"{name}_adapted"])
        assert found["weight_hypernet_gain"][name]["mean"] == pytest.approx(gains.mean(), abs=1e-5)
        assert found["weight_hypernet_gain"][name]["lowered"] == (gains > 0).mean()


def test_the_report_is_json_and_has_a_summary(report: dict[str, Any], tmp_path: Path) -> None:
    assert json.loads(json.dumps(report)) == report
    text = summary(report)
    assert f"{report['brackets']['oracle']['mean']:.4f}" in text
    assert all(task in text for task in tiny.TASKS)


def test_measuring_changes_nothing(model: ControllableSegmentor, report: dict[str, Any]) -> None:
    assert model.norm_statistics == "running"
    assert not model.training
    assert model.selection is None


def test_without_path_losses_there_is_no_search(test_frames: list[Batch], training_frames: list[Batch]) -> None:
    untabulated = tiny.build_model(stream=tiny.SHORT, weight_hypernet=None)
    settings = ControlSettings(preferences=2, cost_weights=(0.0, 1.0), adapted_preferences=1)
    found = measure_control(untabulated, test_frames, training_frames, settings)
    assert set(found["brackets"]) == {"controller", "heuristic", "oracle"}
    assert "weight_hypernet_gain" not in found["norms"]
    assert "search" not in summary(found)


@pytest.mark.parametrize(("share", "branch"), [(1.0, 0), (0.0, 3), (0.999, 1)])
def test_the_heuristic_branches_as_early_as_fits(model: ControllableSegmentor, share: float, branch: int) -> None:
    assert heuristic_tree(model, (0.2, 0.5, 0.3), share) == BranchingTree.heuristic(3, 3, 1, branch)
