"""The evaluator that adds the gain over single-task networks."""

from __future__ import annotations

import math
from typing import Any

import pytest
from mmengine.registry import EVALUATOR, init_default_scope
from mmengine.runner import Runner
from test_evaluation.evaluated import CLASSES, sample

from mmdymu.evaluation import DepthMetric, MultiTaskEvaluator

BASELINES = {"semseg/mIoU": 20.0, "depth/rmse": 0.5, "normals/mean": 60.0}
METRICS = [{"type": "SegmentationMetric", "classes": CLASSES}, {"type": "DepthMetric"}, {"type": "NormalsMetric"}]


def build(**changes: Any) -> MultiTaskEvaluator:
    init_default_scope("mmdymu")
    config = {"type": "MultiTaskEvaluator", "metrics": [dict(m) for m in METRICS], "baselines": BASELINES, **changes}
    return Runner.build_evaluator(None, config)


def test_adds_the_mean_gain() -> None:
    evaluator = build()
    evaluator.process([sample(seed) for seed in range(3)])
    found = evaluator.evaluate(3)
    gains = [
        (found["semseg/mIoU"] - 20) / 20, (0.5 - found["depth/rmse"]) / 0.5, (60 - found["normals/mean"]) / 60
    ]  # fmt: skip
    assert found["multi_task/delta_m"] == pytest.approx(100 * sum(gains) / 3)
    assert {"semseg/aAcc", "depth/delta1", "normals/median"} <= found.keys()


def test_built_from_a_sibling_scope() -> None:
    init_default_scope("mmseg")
    metrics = [{"type": "mmdymu.DepthMetric"}]
    evaluator = EVALUATOR.build(
        {"type": "mmdymu.MultiTaskEvaluator", "metrics": metrics, "baselines": {"depth/rmse": 1.0}}
    )
    assert isinstance(evaluator, MultiTaskEvaluator) and isinstance(evaluator.metrics[0], DepthMetric)


def test_a_task_without_labels_gives_nan() -> None:
    evaluator = build()
    evaluator.process([sample(0, labelled=False)])
    assert math.isnan(evaluator.evaluate(1)["multi_task/delta_m"])


def test_direction_can_be_given() -> None:
    evaluator = build(baselines={"depth/rmse": 0.5}, higher_is_better={"depth/rmse": True})
    evaluator.process([sample(1)])
    found = evaluator.evaluate(1)
    assert found["multi_task/delta_m"] == pytest.approx(100 * (found["depth/rmse"] - 0.5) / 0.5)


def test_average_over_metrics() -> None:
    baselines = {"semseg/mIoU": 20.0, "depth/rmse": 0.5, "depth/abs_rel": 0.2}
    deltas = []
    for average in ("task", "metric"):
        evaluator = build(baselines=baselines, average=average)
        evaluator.process([sample(1)])
        found = evaluator.evaluate(1)
        deltas.append(found["multi_task/delta_m"])
    first, *depth = (
        100 * (found["semseg/mIoU"] / 20 - 1), 100 * (1 - found["depth/rmse"] / 0.5),
        100 * (1 - found["depth/abs_rel"] / 0.2),
    )  # fmt: skip
    assert deltas == pytest.approx([(first + sum(depth) / 2) / 2, (first + sum(depth)) / 3])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"baselines": {"edges/odsF": 70.0}},
            r"\['edges/odsF'\], but metrics give only \['depth', 'normals', 'semseg'\]",
        ),
        ({"baselines": {"semseg/mIou": 1.0}}, r"did you mean 'semseg/mIoU'\? Else say which way"),
        ({"baselines": {"depth/niceness": 1.0}}, r"'depth/niceness': say which way is better, higher_is_better="),
        ({"baselines": {"depth/rmse": 0.0}}, r"baselines\['depth/rmse'\]=0.0"),
        ({"baselines": {}}, "baselines of multi_task_delta are empty"),
        ({"average": "sum"}, "average='sum'"),
    ],
)
def test_bad_settings_are_named_before_anything_runs(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_an_unknown_result_is_named_with_those_that_exist() -> None:
    evaluator = build(baselines={"depth/niceness": 1.0}, higher_is_better={"depth/niceness": True})
    evaluator.process([sample(0)])
    with pytest.raises(KeyError, match=r"'depth/niceness', which has no score; there are \['depth/abs_rel', "):
        evaluator.evaluate(1)


def test_predictions_can_be_dumped_beside_it(tmp_path: Any) -> None:
    dump = {"type": "mmengine.DumpResults", "out_file_path": str(tmp_path / "x.pkl")}
    with pytest.raises(ValueError, match="edges/odsF"):
        build(metrics=[*METRICS, dump], baselines={"edges/odsF": 70.0})
    evaluator = build(metrics=[*METRICS, dump])
    evaluator.process([sample(0)])
    assert "multi_task/delta_m" in evaluator.evaluate(1) and (tmp_path / "x.pkl").is_file()
