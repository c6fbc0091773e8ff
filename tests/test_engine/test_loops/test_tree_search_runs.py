"""Whole searches for static trees through the stage loop: what moves when, decoding, resuming."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import tiny_classes
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from test_engine.test_loops.test_optimizers import CpuHalfOptimWrapper
from test_engine.test_loops.test_resume import assert_equal, final_state
from torch import Tensor

from mmdymu.models.segmentors import ControllableNet
from mmdymu.preference import Preference
from mmdymu.registry import MODELS
from mmdymu.search import tree_of_copies
from mmdymu.tree import BranchingTree

FREE = {"edge_hypernet": {"type": "FreeEdges"}, "weight_hypernet": None}
# Warm-up 0-1; then cycles of two architecture steps and two weight steps.
STEPS = 8
OBJECTIVES = {
    "ltb": {"type": "LTBObjective"},
    "bmtas": {"type": "BMTASObjective", "warmup": 0.25, "cycle": 4, "architecture_share": 0.5},
}
KEYS = {"edge_hypernet": {"lr_mult": 10.0, "decay_mult": 0.5}}
ADAM = {"optimizer": {"type": "Adam", "lr": 1e-2, "weight_decay": 1e-4}, "paramwise_cfg": {"custom_keys": KEYS}}
HOOKS = {
    "checkpoint": {"type": "SafeCheckpointHook", "by_epoch": False, "interval": 1, "max_keep_ckpts": -1},
    "logger": {"type": "LoggerHook", "interval": 1},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_classes.write_images(tmp_path_factory.mktemp("cifar") / "cifar-100-python", each=2)


def settings(kind: str, method: str, data: Path) -> dict[str, Any]:
    """Those of a run that only searches, with a segmentor or a classifier."""
    stage = {"name": "search", "max_iters": STEPS, "objective": OBJECTIVES[method], "optim_wrapper": ADAM}
    changes: dict[str, Any] = {"train_cfg": tiny.train_cfg(stage)}
    if kind == "classifier":
        return {**changes, "model": tiny_classes.model_config(**FREE), "train_dataloader": tiny_classes.loader(data)}
    return {**changes, "model": tiny.model_config(stream=tiny.SHORT, **FREE)}


class Collect(Hook):
    """Keeps the parameters before every step."""

    def __init__(self) -> None:
        self.states: list[dict[str, Tensor]] = []

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        self.after_train(runner)

    def after_train(self, runner: Runner) -> None:
        parameters = runner.model.named_parameters()
        self.states.append({name.removeprefix("module."): value.detach().clone() for name, value in parameters})

    def moved(self) -> list[set[str]]:
        """Parts of the model that each step changed."""
        return [
            {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
            for before, after in itertools.pairwise(self.states)
        ]


def predicted(model: ControllableNet) -> list[BranchingTree]:
    corner = Preference(model.tasks, (1.0, *[0.0] * (model.num_tasks - 1)), 1.0)
    return [model.predict_tree(Preference.uniform(model.tasks)), model.predict_tree(corner)]


@pytest.mark.parametrize("kind", ["segmentor", "classifier"])
@pytest.mark.parametrize("method", ["ltb", "bmtas"])
def test_a_search_moves_its_parts_in_turn_and_ends_with_a_tree(
    kind: str, method: str, data: Path, tmp_path: Path
) -> None:
    runner = tiny.build_runner(tmp_path, **settings(kind, method, data))
    collect = Collect()
    runner.register_hook(collect)
    runner.train()

    weights, choices = {"backbone", "heads"}, {"edge_hypernet"}
    # Moments of earlier steps move nothing that gets no gradient.
    turns = [weights] * 4 + [choices] * 2 + [weights] * 2
    assert collect.moved() == (turns if method == "bmtas" else [weights | choices] * STEPS)
    model = runner.model
    logits = model.edge_hypernet.logits.detach()
    expected = BranchingTree.from_logits(logits) if method == "ltb" else tree_of_copies(logits.argmax(-1).tolist())
    assert predicted(model) == [expected, expected]
    assert model.is_controllable
    assert all(value.isfinite().all() for value in model.parameters())
    assert model.loss_scale.tolist() == [1, 1, 1]


@pytest.fixture(scope="module", params=[("segmentor", "bmtas"), ("classifier", "bmtas"), ("segmentor", "ltb")])
def uninterrupted(
    request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], Path, dict[str, Any]]:
    """Settings, a folder with a checkpoint of every iteration, and what the run ended with."""
    options = settings(*request.param, data)
    folder = tmp_path_factory.mktemp("uninterrupted")
    return options, folder, final_state(tiny.train(folder, default_hooks=HOOKS, **options))


# Where the warm-up ends, and inside and after the architecture steps.
@pytest.mark.parametrize("iteration", [2, 5, 7])
def test_a_resumed_search_ends_as_an_uninterrupted_one(
    uninterrupted: tuple[dict[str, Any], Path, dict[str, Any]], tmp_path: Path, iteration: int
) -> None:
    options, folder, expected = uninterrupted
    checkpoint = str(folder / f"iter_{iteration}.pth")
    runner = tiny.build_runner(tmp_path, resume=True, load_from=checkpoint, randomness={"seed": None}, **options)
    random.seed(iteration), np.random.seed(iteration), torch.manual_seed(iteration)
    runner.train()
    assert_equal(final_state(runner), expected)


def test_a_finished_searchs_checkpoint_gives_its_tree(
    uninterrupted: tuple[dict[str, Any], Path, dict[str, Any]],
) -> None:
    options, folder, expected = uninterrupted
    model = MODELS.build(options["model"])
    model.load_state_dict(torch.load(folder / f"iter_{STEPS}.pth", weights_only=False)["state_dict"])
    tree = BranchingTree.from_logits(expected["model"]["edge_hypernet.decided"])
    assert predicted(model) == [tree, tree]


def test_a_search_from_a_searched_checkpoint_begins_anew(
    uninterrupted: tuple[dict[str, Any], Path, dict[str, Any]], tmp_path: Path
) -> None:
    options, folder, _ = uninterrupted
    runner = tiny.build_runner(tmp_path, load_from=str(folder / f"iter_{STEPS}.pth"), **options)
    collect = Collect()
    runner.register_hook(collect)
    runner.train()
    assert not collect.states[0]["edge_hypernet.logits"].any()


def test_a_classifiers_task_without_images_moves_nothing_by_itself(data: Path, tmp_path: Path) -> None:
    options = settings("classifier", "bmtas", data)
    # Batches of two images lack a task.
    options["train_dataloader"]["batch_size"] = 2
    runner = tiny.build_runner(tmp_path, **options)
    collect = Collect()
    runner.register_hook(collect)
    runner.train()
    assert collect.moved()[4:6] == [{"edge_hypernet"}] * 2


@pytest.mark.parametrize("method", ["ltb", "bmtas"])
def test_searches_in_half_precision(method: str, data: Path, tmp_path: Path) -> None:
    options = settings("segmentor", method, data)
    options["train_cfg"]["stages"]["search"]["optim_wrapper"] = {"type": CpuHalfOptimWrapper, **ADAM}
    model = tiny.train(tmp_path, **options).model
    assert all(value.isfinite().all() and value.dtype == torch.float32 for value in model.parameters())
    assert model.edge_hypernet.is_decided


@pytest.mark.parametrize(("kind", "method"), [("segmentor", "bmtas"), ("classifier", "ltb")])
def test_the_tree_is_retrained_from_the_initial_weights(kind: str, method: str, data: Path, tmp_path: Path) -> None:
    changes = settings(kind, method, data)
    search = {"name": "search", "max_iters": STEPS, "objective": OBJECTIVES[method], "optim_wrapper": ADAM}
    weights = [1.0] * len(tiny.TASKS if kind == "segmentor" else tiny_classes.model_config(**FREE)["tasks"])
    tree_stage = {"type": "TreeObjective", "restart": True, "preference": weights}
    changes["train_cfg"] = tiny.train_cfg(search, {"name": "retrain", "max_iters": 2, "objective": tree_stage})
    collect = Collect()
    runner = tiny.build_runner(tmp_path, **changes)
    runner.register_hook(collect)
    model = runner.train()
    initial, restarted, final = collect.states[0], collect.states[STEPS], collect.states[-1]
    network = [name for name in initial if name.startswith(("backbone.", "heads."))]
    assert all(torch.equal(initial[name], restarted[name]) for name in network)
    (tree, other) = predicted(model)
    assert tree == other == model.static_tree
    assert model.report()["chosen_by"] == ("static tree" if tree == model.anchor_tree else "anchor")
    moved = {name for name in network if not torch.equal(restarted[name], final[name])}
    used = {f"backbone.streams.{i}.nodes.{layer}." for layer, nodes in enumerate(tree.used_nodes) for i in nodes}
    assert moved
    assert all(name.startswith(("heads.", *used)) for name in moved)
