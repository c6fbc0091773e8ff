from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmpretrain.structures import DataSample, MultiTaskDataSample

from mmdymu.evaluation import AccuracyMetric, MeanAccuracyMetric
from mmdymu.evaluation.metrics import streaming_metric

TASKS = ("fish", "trees", "people")


def sample(task: str, truth: int, answer: int | None) -> MultiTaskDataSample:
    outer, inner = MultiTaskDataSample(), DataSample(metainfo={"img_path": "a.png"})
    inner.set_gt_label(truth)
    if answer is not None:
        inner.set_pred_score(torch.eye(5)[answer]).set_pred_label(answer)
    outer.set_field(inner, task)
    return outer


# Fish: 2 of 3, trees: 1 of 4.
ANSWERS = (
    ("fish", 0, 0),
    ("trees", 1, 2),
    ("fish", 3, 3),
    ("trees", 4, 4),
    ("trees", 0, 1),
    ("fish", 2, 1),
    ("trees", 3, 0),
)
SAMPLES = [sample(*answer) for answer in ANSWERS]


def evaluate(metrics: list[dict[str, Any]], batch: int) -> dict[str, float]:
    init_default_scope("mmdymu")
    evaluator = Evaluator(metrics)
    for start in range(0, len(SAMPLES), batch):
        evaluator.process(SAMPLES[start : start + batch])
    return evaluator.evaluate(len(SAMPLES))


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_each_task_and_their_mean(batch: int) -> None:
    each = [{"type": "AccuracyMetric", "task": task} for task in TASKS]
    found = evaluate([*each, {"type": "MeanAccuracyMetric", "tasks": TASKS}], batch)
    assert found["fish/accuracy"] == pytest.approx(200 / 3)
    assert found["trees/accuracy"] == pytest.approx(25)
    assert math.isnan(found["people/accuracy"])
    assert found["mean/accuracy"] == pytest.approx((200 / 3 + 25) / 2)


def test_memory_does_not_grow() -> None:
    metric = AccuracyMetric("fish")
    for _ in range(50):
        metric.process({}, [item.to_dict() for item in SAMPLES])
    assert not metric.results
    assert sum(value.numel() for value in metric._earlier.values()) == 2


def test_an_image_that_the_sampler_repeats_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # The second of two processes, with seven images in all: its fourth is a repetition.
    monkeypatch.setattr(streaming_metric, "get_dist_info", lambda: (1, 2))
    metric = AccuracyMetric("fish")
    monkeypatch.setattr(metric, "compute_metrics", lambda results: results[0])
    metric.process({}, [SAMPLES[index].to_dict() for index in (1, 3, 5, 0)])
    monkeypatch.setattr("mmengine.evaluator.metric.collect_results", lambda results, *_, **__: results)
    monkeypatch.setattr("mmengine.evaluator.metric.broadcast_object_list", lambda _: None)
    monkeypatch.setattr("mmengine.evaluator.metric.is_main_process", lambda: True)
    found = metric.evaluate(7)
    assert {name: float(value) for name, value in found.items()} == {"fish/right": 0, "fish/images": 1}


def test_a_missing_prediction_is_an_error() -> None:
    metric = AccuracyMetric("fish")
    with pytest.raises(KeyError, match="no 'pred_label' in"):
        metric.process({}, [sample("fish", 0, None)])


def test_the_mean_needs_tasks() -> None:
    with pytest.raises(ValueError, match=r"tasks=\(\)"):
        MeanAccuracyMetric(())
