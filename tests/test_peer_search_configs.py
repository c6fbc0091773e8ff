"""The configs that search a static tree and train it."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from test_configs import ROOT

from mmdymu.engine.loops import build_stages
from mmdymu.engine.loops.ownership import build_optimizer
from mmdymu.models import FreeEdges
from mmdymu.registry import MODELS

ANCHOR = Config.fromfile(ROOT / "configs" / "dymu" / "nyud_mbv2_separate.py").train_cfg.stages.anchor
RATES = {"ltb": {(1e-3, 1e-2), (1e-2, 0.0)}, "bmtas": {(1e-3, 1e-4), (1e-2, 5e-5)}}


def load(method: str) -> Config:
    config = Config.fromfile(Path(ROOT, "configs", "peers", f"{method}_nyud_mbv2.py"))
    init_default_scope(config.default_scope)
    return config


@pytest.mark.parametrize("method", [*RATES])
def test_two_stages_of_the_anchors_length(method: str) -> None:
    stages = {name: stage for name, stage in load(method).train_cfg.stages.items() if stage and name != "trunk"}
    assert [*stages] == ["search", "retrain"]
    assert {stage.max_iters for stage in stages.values()} == {ANCHOR.max_iters}
    assert stages["retrain"].param_scheduler == ANCHOR.param_scheduler
    assert stages["retrain"].objective.to_dict() == {"type": "TreeObjective", "restart": True, "preference": [1, 1, 1]}
    assert {*stages["search"].objective.loss_weights} == {"semseg", "depth", "normals"}


@pytest.mark.parametrize("method", [*RATES])
def test_a_dumped_config_runs_its_stages_in_the_same_order(method: str, tmp_path: Path) -> None:
    dumped = tmp_path / "dumped.py"
    load(method).dump(dumped)
    stages = Config.fromfile(dumped).train_cfg.stages
    assert [*stages] == sorted(stages), "the dump no longer sorts, so that this test shows nothing"
    # Without pretrained weights a trunk stage comes first.
    assert [stage.name for stage in build_stages(stages) if stage.name != "trunk"] == ["search", "retrain"]


@pytest.mark.parametrize("method", [*RATES])
def test_choices_have_their_own_rates(method: str) -> None:
    config = load(method)
    model = MODELS.build(config.model)
    assert isinstance(model.edge_hypernet, FreeEdges)
    assert model.weight_hypernet is None
    (stage,) = build_stages({"search": config.train_cfg.stages.search})
    groups = build_optimizer(model, stage, config.optim_wrapper).param_groups
    rates = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    assert {rates[id(model.edge_hypernet.logits)], rates[id(next(model.heads.parameters()))]} == RATES[method]
    assert len({rates[id(p)] for p in model.backbone.parameters()}) == 1
    assert {id(p) for p in model.parameters()} <= rates.keys()
