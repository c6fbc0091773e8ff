"""Stages of a fixed tree in the loop: restarting, resuming, loaded trees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from mmengine.runner import Runner
from torch import Tensor

from mmdymu import BranchingTree

FIXED = {"type": "mmdymu.FixedEdges"}
TREE = ((0, 0, 0), (0, 1, 1), (0, 1, 2))


def config(*stages: dict[str, Any], edges: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    model = tiny.model_config(stream=tiny.SHORT, edge_hypernet=edges or FIXED, weight_hypernet=None)
    return {"model": model, "train_cfg": tiny.train_cfg(*stages), **changes}


def stage(name: str, kind: str = "TreeObjective", iters: int = 2, **options: Any) -> dict[str, Any]:
    return {"name": name, "max_iters": iters, "objective": {"type": kind, **options}}


def weights(runner: Runner) -> dict[str, Tensor]:
    """Streams and heads."""
    state = runner.model.state_dict()
    return {name: value for name, value in state.items() if name.startswith(("backbone.", "heads."))}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


SEARCH = stage("search", "AnchorObjective")
RETRAIN = stage("retrain", loss_weights=dict.fromkeys(tiny.TASKS, 1.0), restart=True)


@pytest.mark.parametrize("trunk", [False, True])
def test_a_restarted_stage_equals_one_that_nothing_came_before(tmp_path: Path, trunk: bool) -> None:
    first = [stage("trunk", "TrunkObjective")] if trunk else []
    alone = tiny.train(tmp_path / "alone", **config(*first, {**RETRAIN}))
    after = tiny.train(tmp_path / "after", **config(*first, SEARCH, RETRAIN))
    assert same(weights(alone), weights(after))
    assert (tmp_path / "after" / "initial_weights.pth").is_file()
    assert not (tmp_path / "alone" / "initial_weights.pth").exists()
    kept = tiny.train(
        tmp_path / "kept", **config(*first, SEARCH, stage("retrain", loss_weights=dict.fromkeys(tiny.TASKS, 1.0)))
    )
    assert not same(weights(kept), weights(after))


@pytest.mark.parametrize("iteration", [1, 2, 3])
def test_a_resumed_run_restarts_from_the_same_weights(tmp_path: Path, iteration: int) -> None:
    hooks = {"checkpoint": {"type": "SafeCheckpointHook", "by_epoch": False, "interval": 1, "max_keep_ckpts": -1}}
    settings = config(SEARCH, RETRAIN, default_hooks=hooks)
    expected = weights(tiny.train(tmp_path, **settings))
    checkpoint = str(tmp_path / f"iter_{iteration}.pth")
    assert same(weights(tiny.train(tmp_path, **settings, resume=True, load_from=checkpoint)), expected)
    if iteration == 2:
        with pytest.raises(FileNotFoundError, match="resume in the work folder"):
            tiny.train(tmp_path / "elsewhere", **settings, resume=True, load_from=checkpoint)


def test_a_loaded_tree_is_trained(tmp_path: Path) -> None:
    source = tiny.build_model(stream=tiny.SHORT, edge_hypernet={**FIXED, "tree": TREE}, weight_hypernet=None)
    torch.save({"state_dict": source.state_dict(), "meta": {}}, tmp_path / "searched.pth")
    runner = tiny.train(tmp_path, **config(stage("retrain"), load_from=str(tmp_path / "searched.pth")))
    assert runner.model.edge_hypernet.tree == BranchingTree(TREE)
    before, after = source.state_dict(), weights(runner)
    changed = {name.split(".")[2] + name.split(".")[4] for name, value in after.items()
               if name.startswith("backbone.") and not torch.equal(value, before[name])}  # fmt: skip
    assert changed == {f"{i}{layer}" for layer, i in ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2))}


def test_nothing_to_restart_from(tmp_path: Path) -> None:
    source = tiny.build_model(stream=tiny.SHORT, edge_hypernet=FIXED, weight_hypernet=None)
    torch.save({"state_dict": source.state_dict(), "meta": {}}, tmp_path / "searched.pth")
    with pytest.raises(ValueError, match=r"'retrain' has restart=True, .* leave load_from out"):
        tiny.train(tmp_path, **config(RETRAIN, load_from=str(tmp_path / "searched.pth")))


def test_a_fixed_tree_has_no_edges_stage(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="this model's tree is fixed: drop the stage"):
        tiny.build_runner(tmp_path, **config(tiny.stage_config("edges"))).train()
