from __future__ import annotations

from pathlib import Path

import pytest
import tiny
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdymu.engine.loops import build_stages

MODEL = tiny.model_config(stream=tiny.SHORT)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "no stage to train"),
        ([tiny.stage_config("anchor", max_iters=-1)], "max_iters=-1"),
        ([tiny.stage_config("anchor", max_iters=0)], "max_iters=0"),
        ([tiny.stage_config("anchor", max_iters=1.5)], "max_iters=1.5"),
        ([tiny.stage_config("anchor", batch_size=0)], "batch_size=0"),
        (
            [tiny.stage_config("anchor", pipeline="Typo")],
            "stage 'anchor': pipeline='Typo' must be a list of transforms",
        ),
        ([tiny.stage_config("anchor", pipeline=[{"type": "Typo"}])], "cannot be built: .*Typo is not in the"),
        ([tiny.stage_config("anchor", max_iter=3)], "'max_iter'"),
        ([{"name": "anchor", "max_iters": 3}], "'objective'"),
        ([{"name": "egdes", "max_iters": 3}], r"'objective'.*\. Did you mean stage 'edges'\?"),
        ([tiny.stage_config("anchor"), {"name": "second"}, {"name": "first"}], r"\['second', 'first'\] are not"),
        ([tiny.stage_config("anchor", param_scheduler=[{"type": "PolyLR", "by_epoch": True}])], "by_epoch=False"),
    ],
)
def test_refuses_wrong_stages(tmp_path: Path, stages: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny.train(tmp_path, train_cfg=tiny.train_cfg(*stages), model=MODEL)


@pytest.mark.parametrize(
    ("skip", "message"),
    [(["anchors"], r"skip has \['anchors'\], but the stages are \['anchor'\]"), (["anchor"], "no stage to train")],
)
def test_refuses_to_skip_what_is_not_there_and_all_there_is(tmp_path: Path, skip: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny.train(tmp_path, train_cfg=tiny.train_cfg(tiny.stage_config("anchor"), skip=skip), model=MODEL)


def test_stages_that_do_not_run_have_no_order() -> None:
    anchor = tiny.stage_config("anchor")
    del anchor["name"]
    stages = build_stages({"warm": None, "later": anchor, "further": anchor, "anchor": anchor}, skip=["later"])
    assert [stage.name for stage in stages] == ["anchor", "further"]


def test_refuses_a_list_of_stages(tmp_path: Path) -> None:
    stages = [{"max_iters": 3, "objective": {"type": "AnchorObjective"}}]
    with pytest.raises(TypeError, match="dict of stages by name, got list"):
        tiny.train(tmp_path, train_cfg={"type": "StageTrainLoop", "stages": stages}, model=MODEL)


def test_a_weights_stage_needs_its_hypernet(tmp_path: Path) -> None:
    model = {**MODEL, "weight_hypernet": None}
    with pytest.raises(ValueError, match=r"model\.weight_hypernet"):
        tiny.train(tmp_path, train_cfg=tiny.train_cfg(tiny.stage_config("weights")), model=model)


def test_a_weights_stage_needs_trained_edges(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="edges stage before"):
        tiny.train(tmp_path, train_cfg=tiny.train_cfg(tiny.stage_config("weights")), model=MODEL)


def test_the_anchor_needs_streams_from_one_start(tmp_path: Path) -> None:
    runner = tiny.build_runner(tmp_path, train_cfg=tiny.train_cfg(tiny.stage_config("anchor")), model=MODEL)

    class Unlike(Hook):
        def before_train(self, runner: Runner) -> None:
            with torch.no_grad():
                next(runner.model.backbone.streams[1].parameters()).add_(0.1)

    runner.register_hook(Unlike())
    with pytest.raises(ValueError, match="one common initialisation"):
        runner.train()


def test_a_table_must_be_feasible(tmp_path: Path) -> None:
    tasks = [f"depth{i}" for i in range(20)]
    stage = tiny.stage_config("edges", objective=tiny.edge_objective(source="table"))
    model = tiny.model_config(tasks, stream=tiny.SHORT)
    with pytest.raises(ValueError, match=r"source='table' needs .* 160000"):
        tiny.train(tmp_path, tasks=tasks, train_cfg=tiny.train_cfg(stage), model=model)


def test_a_batch_must_have_an_image_for_each_preference(tmp_path: Path) -> None:
    stage = tiny.stage_config("edges", objective=tiny.edge_objective(source="images", preferences_per_step=3))
    with pytest.raises(ValueError, match="preferences_per_step=3 is more than the 2 images"):
        tiny.train(tmp_path, train_cfg=tiny.train_cfg(stage), model=MODEL)
