"""The registered edge metric: equal over workers, processes and batches; copies; bad input."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest
import torch
from mmengine.structures import PixelData
from mmpretrain.structures import MultiTaskDataSample
from mmseg.structures import SegDataSample

from mmdymu.evaluation import EdgesMetric
from mmdymu.evaluation.functional import EdgeProtocol, Sums, add_sums, edge_counts, edge_scores
from mmdymu.evaluation.metric_info import metric_info
from mmdymu.evaluation.metrics import streaming_metric
from mmdymu.registry import METRICS

SIZE = (24, 30)


def maps(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    pred = torch.nn.functional.avg_pool2d(torch.rand(1, *SIZE), 3, 1, 1)
    target = torch.zeros(1, *SIZE).long()
    target[:, :, 5 + seed : 6 + seed] = 1
    target[:, 12] = 1
    return pred / pred.max(), target


def sample(seed: int, labelled: bool = True) -> MultiTaskDataSample:
    outer = MultiTaskDataSample(metainfo={"img_path": f"{seed}.png"})
    inner = SegDataSample(metainfo={"img_path": f"{seed}.png"})
    pred, target = maps(seed)
    inner.set_data({"seg_logits": PixelData(data=pred)})
    inner.set_data({"gt_sem_seg": PixelData(data=target if labelled else torch.full_like(target, 255))})
    outer.set_field(inner, "edges")
    return outer


def evaluate(metric: EdgesMetric, samples: list[MultiTaskDataSample], batch: int = 2) -> dict[str, float]:
    for start in range(0, len(samples), batch):
        metric.process({}, [item.to_dict() for item in samples[start : start + batch]])
    return metric.evaluate(len(samples))


def test_built_with_the_usual_name_or_another() -> None:
    assert METRICS.build(dict(type="EdgesMetric")).prefix == "edges"
    assert METRICS.build(dict(type="EdgesMetric", task="borders")).prefix == "borders"


@pytest.mark.parametrize(
    "options",
    [{}, {"reader": "survey", "max_distance": 0.05, "quantize": False}, {"thresholds": (0.1, 0.3, 0.5)}],
)
def test_equals_the_functions(options: dict[str, Any]) -> None:
    protocol, total = EdgeProtocol(**options), Sums()
    for seed in range(3):
        total = add_sums(total, edge_counts(*maps(seed), protocol))
    expected = {f"edges/{name}": value for name, value in edge_scores(total, protocol.thresholds).items()}
    assert evaluate(EdgesMetric(**options), [sample(seed) for seed in range(3)]) == expected
    assert all(0 < value <= 100 for value in expected.values())


def test_workers_and_batches_do_not_matter() -> None:
    samples = [sample(seed) for seed in range(11)]
    one = evaluate(EdgesMetric(), samples)
    assert {name for name in one if metric_info(name)} == {"edges/odsF", "edges/oisF", "edges/AP"}
    assert evaluate(EdgesMetric(), samples, batch=4) == one
    assert evaluate(EdgesMetric(num_workers=1), samples, batch=11) == one
    assert evaluate(EdgesMetric(num_workers=2), samples) == one


@pytest.mark.parametrize("workers", [0, 2])
def test_copies_pickles_and_a_second_evaluation(workers: int) -> None:
    metric, samples = EdgesMetric(num_workers=workers), [sample(0), sample(1)]
    before = pickle.loads(pickle.dumps(copy.deepcopy(metric)))
    first = evaluate(metric, samples)
    after = copy.deepcopy(metric)
    assert evaluate(before, samples) == evaluate(after, samples) == evaluate(metric, samples) == first


def test_memory_is_constant() -> None:
    metric, sizes = EdgesMetric(), []
    for seed in range(6):
        metric.process({}, [sample(seed).to_dict()])
        sizes.append(len(pickle.dumps(vars(metric))))
    assert sizes[1:] == [sizes[1]] * 5


@pytest.mark.parametrize("workers", [0, 1])
def test_without_any_label_results_are_nan_with_one_warning(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(streaming_metric, "print_log", lambda message, **_: warnings.append(message))
    results = evaluate(EdgesMetric(num_workers=workers), [sample(seed, labelled=False) for seed in range(3)])
    assert results and all(math.isnan(value) for value in results.values())
    assert len(warnings) == 1 and "'edges'" in warnings[0]


def test_one_image_without_label_changes_nothing() -> None:
    labelled = [sample(0), sample(1)]
    assert evaluate(EdgesMetric(), [*labelled, sample(2, labelled=False)]) == evaluate(EdgesMetric(), labelled)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("size", [1, 4, 5, 13])
def test_repeated_images_count_once_over_two_processes(
    size: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images are dealt in turn and the last is repeated if need be, as mmengine's DefaultSampler does it."""
    images = [sample(index % size) for index in range(size + size % 2)]
    parts: list[Any] = []
    for rank in (0, 1):
        monkeypatch.setattr(streaming_metric, "get_dist_info", lambda rank=rank: (rank, 2))
        monkeypatch.setattr(
            "mmengine.evaluator.metric.collect_results", lambda part, *_, **__: parts.extend(part) or part
        )
        metric = EdgesMetric(num_workers=workers)
        metric.compute_metrics = lambda results: {}
        metric.process({}, [item.to_dict() for item in images[rank::2]])
        metric.evaluate(size)
    monkeypatch.undo()
    together = {f"edges/{name}": value for name, value in EdgesMetric().compute_metrics(parts).items()}
    assert together == evaluate(EdgesMetric(), images[:size])


def test_bad_input_is_named_with_its_image() -> None:
    def given(**fields: torch.Tensor) -> dict[str, Any]:
        item = sample(4)
        for name, data in fields.items():
            item.get("edges").set_data({name: PixelData(data=data)})
        return item.to_dict()

    pred, target = maps(4)
    with pytest.raises(ValueError, match=r"'edges'.*\(1, 24, 29\).*\(1, 24, 30\).*4\.png"):
        metric = EdgesMetric()
        item = sample(4).to_dict()
        item["edges"]["seg_logits"] = {"data": pred[..., 1:]}
        metric.process({}, [item])
    with pytest.raises(ValueError, match=r"Task 'edges', 4\.png: .*not probabilities"):
        EdgesMetric().process({}, [given(seg_logits=5 - 10 * pred)])
    with pytest.raises(ValueError, match=r"Task 'edges', 4\.png: .*labels \[3\]"):
        EdgesMetric(num_workers=1).process({}, [given(gt_sem_seg=3 * target)])
    with pytest.raises(KeyError, match=r"EdgesMetric: no task 'edges' in a sample with \['depth'\]"):
        EdgesMetric().process({}, [{"depth": {}}])
    with pytest.raises(KeyError, match="Task 'edges': no 'seg_logits'"):
        EdgesMetric().process({}, [{"edges": {"gt_sem_seg": {"data": target}}}])
    with pytest.raises(ValueError, match="max_distance=8"):
        EdgesMetric(max_distance=8)
    with pytest.raises(RuntimeError, match="EdgesMetric of task 'edges' was given no image"):
        EdgesMetric().evaluate(0)
