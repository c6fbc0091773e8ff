"""Heads and metrics that fit neither data nor model are found before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
from mmengine.evaluator import BaseMetric
from mmengine.runner import Runner

from mmdymu.engine.loops.fitting import check_metrics
from mmdymu.evaluation import DepthMetric, SegmentationMetric

TASKS = ("semseg", "depth")
VALIDATION = {"val_dataloader": tiny.test_loader(TASKS), "val_cfg": {"type": "ValLoop"}}


def runner_of(folder: Path, **changes: Any) -> Runner:
    stage = tiny.train_cfg(tiny.stage_config("anchor"))
    model = tiny.model_config(TASKS, stream=tiny.SHORT)
    return tiny.build_runner(folder, tasks=TASKS, train_cfg=stage, **{"model": model, **changes})


@pytest.mark.parametrize("classes", [3, 5])
def test_heads_have_the_classes_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: int) -> None:
    described = {"semseg": {"kind": "label", "classes": tuple("abcde"[:classes])}, "depth": {"kind": "depth"}}
    monkeypatch.setattr(tiny.TinyDataset, "metainfo", property(lambda _: {"tasks": described}, lambda *_: None), False)
    runner = runner_of(tmp_path)
    with pytest.raises(ValueError, match=rf"task 'semseg': the data set has {classes} classes.*num_classes=4: set"):
        runner.train()
    assert runner.iter == 0


def test_metrics_are_of_the_models_tasks(tmp_path: Path) -> None:
    runner = runner_of(tmp_path, **VALIDATION, val_evaluator=[{"type": "SegmentationMetric", "task": "seg"}])
    with pytest.raises(ValueError, match=r"SegmentationMetric is of the task 'seg', but model\.tasks is \['semseg', "):
        runner.train()
    assert runner.iter == 0


class OtherMetric(BaseMetric):
    """Of another library: it does not say what it reads."""

    def process(self, data_batch: Any, data_samples: Any) -> None: ...

    def compute_metrics(self, results: list) -> dict[str, float]:
        return {}


def test_metrics_that_fit_or_do_not_say_pass() -> None:
    model = tiny.build_model(TASKS, stream=tiny.SHORT)
    check_metrics(model, [SegmentationMetric(), DepthMetric(), OtherMetric()])
