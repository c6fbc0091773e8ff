"""The configs of the static trunk, PHN and PHN-BN differ from the controllable network's in what defines them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdymu.engine import TreeObjective
from mmdymu.engine.loops import build_stages
from mmdymu.models import ChunkedHypernet, ControllableNet, WeightHypernet
from mmdymu.registry import MODELS
from mmdymu.tree import BranchingTree

CONFIGS = Path(__file__).parents[1] / "configs"
PEERS = ["static_trunk", "phn", "phn_bn"]


def load(name: str) -> Config:
    return Config.fromfile(CONFIGS / "peers" / f"{name}_nyud_mbv2.py")


def build(name: str) -> ControllableNet:
    config = load(name)
    init_default_scope(config.default_scope)
    return MODELS.build(config.model)


@pytest.mark.parametrize("name", PEERS)
def test_start_data_and_schedule_are_those_of_the_anchor(name: str) -> None:
    config, own = load(name), Config.fromfile(CONFIGS / "dymu" / "nyud_mbv2_separate.py")
    for key in ("stream", "heads", "data_preprocessor", "image_size", "tasks"):
        assert config.model[key] == own.model[key]
    for key in ("train_dataloader", "test_dataloader", "test_evaluator", "optim_wrapper", "randomness", "sweep"):
        assert config[key] == own[key]
    found, anchor = config.train_cfg.stages.tree, own.train_cfg.stages.anchor
    assert (found.max_iters, found.param_scheduler) == (anchor.max_iters, anchor.param_scheduler)
    assert config.train_cfg.stages.get("trunk") == own.train_cfg.stages.get("trunk")
    assert [stage.name for stage in build_stages(config.train_cfg.stages)][-1:] == ["tree"]
    assert {stage.name for stage in build_stages(config.train_cfg.stages)} <= {"trunk", "tree"}


@pytest.mark.parametrize("pretrained", [True, False])
@pytest.mark.parametrize("name", ["nyud_mbv2", "nyud_mbv2_4task", "ccp_mbv2"])
def test_joint_streams_have_as_many_iterations_as_separate_ones(
    name: str, pretrained: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMDYMU_DATA_ROOT", str(tmp_path))
    if pretrained:
        (tmp_path / "weights").mkdir()
        (tmp_path / "weights" / "mobilenet_v2_0.35_imagenet_mmpretrain.pth").touch()
    joint, separate = (Config.fromfile(CONFIGS / "dymu" / f"{name}{suffix}.py") for suffix in ("", "_separate"))
    lengths = [
        sum(config.train_cfg.stages[stage].max_iters for stage in ("trunk", "anchor") if config.train_cfg.stages[stage])
        for config in (joint, separate)
    ]
    assert lengths == ([2400] * 2 if pretrained else [5400] * 2)
    assert (separate.train_cfg.stages.trunk is None) == pretrained
    assert (joint.model, joint.train_dataloader) == (separate.model, separate.train_dataloader)


def test_all_methods_have_the_same_initial_weights() -> None:
    paths = [CONFIGS / "dymu" / "nyud_mbv2.py", *sorted((CONFIGS / "peers").glob("*_nyud_mbv2.py"))]
    assert len(paths) == 8
    states = []
    for path in paths:
        config = Config.fromfile(path)
        init_default_scope(config.default_scope)
        torch.manual_seed(5)
        model = MODELS.build(config.model)
        model.init_weights()
        states.append({k: v for k, v in model.state_dict().items() if k.startswith(("backbone.", "heads."))})
    for path, state in zip(paths[1:], states[1:], strict=True):
        assert state.keys() == states[0].keys()
        assert [name for name in state if not torch.equal(state[name], states[0][name])] == [], path.stem


@pytest.mark.parametrize("name", PEERS)
def test_models(name: str) -> None:
    model = build(name)
    assert model.edge_hypernet.tree == BranchingTree.shared(3, 8, 0)
    kinds = {"static_trunk": type(None), "phn": ChunkedHypernet, "phn_bn": WeightHypernet}
    assert type(model.weight_hypernet) is kinds[name]
    objective = build_stages(load(name).train_cfg.stages)[-1].objective
    assert isinstance(objective, TreeObjective)
    assert (objective.preference is None) == (name != "static_trunk")
    owned = {id(p) for module in objective.trained_modules(model) for p in module.parameters()}
    assert bool(owned & {id(p) for p in model.heads.parameters()}) == (name != "phn")


def test_the_preference_of_a_static_trunk_is_a_setting() -> None:
    config = load("static_trunk")
    config.merge_from_dict({"train_cfg.stages.tree.objective.preference": [0.6, 0.2, 0.2]})
    assert build_stages(config.train_cfg.stages)[-1].objective.preference == [0.6, 0.2, 0.2]
