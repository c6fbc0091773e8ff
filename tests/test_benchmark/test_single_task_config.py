from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdymu.engine.loops import build_stages

ROOT = Path(__file__).parents[2]


def test_the_single_task_nets_are_the_anchor_stage_of_dymu() -> None:
    peer, dymu = (Config.fromfile(ROOT / "configs" / name) for name in (
        "peers/single_task_nyud_mbv2.py", "dymu/nyud_mbv2_separate.py"))  # fmt: skip
    init_default_scope(peer.default_scope)
    stages = {stage.name: stage for stage in build_stages(peer.train_cfg.stages)}
    assert set(stages) <= {"trunk", "anchor"}
    anchor, other = stages["anchor"], dymu.train_cfg.stages.anchor
    assert (anchor.max_iters, anchor.param_scheduler) == (other.max_iters, other.param_scheduler)
    assert anchor.objective.scale_images == dymu.train_cfg.stages.edges.objective.images
    assert peer.model.stream == dymu.model.stream
    assert peer.run_anchor is True
