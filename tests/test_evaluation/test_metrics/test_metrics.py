"""The registered metrics: names, pooling over batches and processes, memory, bad input."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmpretrain.structures import MultiTaskDataSample
from mmseg.evaluation import IoUMetric
from mmseg.structures import SegDataSample

from mmdymu.evaluation import DepthMetric, MeanAccuracyMetric, NormalsMetric, SegmentationMetric, StreamingMetric
from mmdymu.evaluation.functional import depth_error_sums, depth_errors
from mmdymu.evaluation.metrics import streaming_metric
from mmdymu.registry import METRICS

CLASSES = ("a", "b", "c")
SIZE = (5, 6)
METRICS_OF = {"semseg": SegmentationMetric, "depth": DepthMetric, "normals": NormalsMetric}


def sample(seed: int, labelled: bool = True) -> MultiTaskDataSample:
    torch.manual_seed(seed)
    outer = MultiTaskDataSample(metainfo={"img_path": f"{seed}.png"})
    maps = {
        "semseg": {
            "pred_sem_seg": torch.randint(0, 3, (1, *SIZE)),
            "gt_sem_seg": torch.randint(0, 3, (1, *SIZE)),
        },
        "depth": {"pred_depth_map": torch.rand(1, *SIZE) + 1, "gt_depth_map": torch.rand(1, *SIZE) + 1},
        "normals": {"pred_normals": torch.randn(3, *SIZE), "gt_normals": torch.randn(3, *SIZE)},
    }
    for task, fields in maps.items():
        inner = SegDataSample(metainfo={"img_path": f"{seed}.png"})
        for name, data in fields.items():
            if name.startswith("gt") and not labelled:
                data = torch.full_like(data, 255 if task == "semseg" else 0)
            inner.set_data({name: PixelData(data=data)})
        outer.set_field(inner, task)
    return outer


def evaluate(metric: StreamingMetric, samples: list[MultiTaskDataSample], batch: int = 2) -> dict[str, float]:
    metric.dataset_meta = {"classes": {"semseg": CLASSES}}
    for start in range(0, len(samples), batch):
        metric.process({}, [item.to_dict() for item in samples[start : start + batch]])
    return metric.evaluate(len(samples))


@pytest.mark.parametrize(("task", "kind"), METRICS_OF.items())
def test_built_with_the_usual_name_or_another(task: str, kind: type[StreamingMetric]) -> None:
    assert METRICS.build(dict(type=kind.__name__)).prefix == task
    assert METRICS.build(dict(type=kind.__name__, task="other")).prefix == "other"


@pytest.mark.parametrize(("task", "kind"), METRICS_OF.items())
def test_batch_size_does_not_matter(task: str, kind: type[StreamingMetric]) -> None:
    samples = [sample(seed) for seed in range(5)]
    one, three = (evaluate(kind(), samples, batch) for batch in (1, 3))
    assert all(name.startswith(f"{task}/") for name in one)
    assert one == pytest.approx(three)


def test_depth_is_pooled_over_images() -> None:
    samples = [sample(seed) for seed in range(3)]
    pred, target = (
        torch.stack([s.get("depth").get(name).data for s in samples]) for name in ("pred_depth_map", "gt_depth_map")
    )
    expected = {f"depth/{name}": value for name, value in depth_errors(depth_error_sums(pred, target)).items()}
    assert evaluate(DepthMetric(), samples) == pytest.approx(expected)


def test_segmentation_equals_mmseg() -> None:
    samples = [sample(seed) for seed in range(3)]
    theirs = IoUMetric(prefix="semseg")
    theirs.dataset_meta = {"classes": CLASSES}
    theirs.process({}, [s.get("semseg").to_dict() for s in samples])
    expected = {name: float(value) for name, value in theirs.evaluate(3).items()}
    assert set(expected) == {"semseg/aAcc", "semseg/mIoU", "semseg/mAcc"}
    assert evaluate(SegmentationMetric(), samples) == pytest.approx(expected)


def test_all_metrics_work_in_one_evaluator() -> None:
    evaluator = Evaluator([dict(type="mmdymu." + kind.__name__) for kind in METRICS_OF.values()])
    evaluator.dataset_meta = {"classes": {"semseg": CLASSES}}
    evaluator.process([sample(0), sample(1)], {})
    results = evaluator.evaluate(2)
    assert {"semseg/mIoU", "depth/rmse", "normals/mean", "normals/within_11.25"} <= set(results)


def test_a_second_evaluation_starts_afresh() -> None:
    metric, samples = DepthMetric(), [sample(0), sample(1)]
    assert evaluate(metric, samples) == evaluate(metric, samples)


@pytest.mark.parametrize("kind", METRICS_OF.values())
def test_memory_is_constant(kind: type[StreamingMetric]) -> None:
    metric, sizes = kind(), []
    metric.dataset_meta = {"classes": {"semseg": CLASSES}}
    for seed in range(6):
        metric.process({}, [sample(seed).to_dict()])
        sizes.append(len(pickle.dumps({k: v for k, v in vars(metric).items() if k != "iou"})))
    assert sizes[1:] == [sizes[1]] * 5


@pytest.mark.parametrize(("task", "kind"), METRICS_OF.items())
def test_without_any_label_results_are_nan_with_one_warning(
    task: str, kind: type[StreamingMetric], monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(streaming_metric, "print_log", lambda message, **_: warnings.append(message))
    results = evaluate(kind(), [sample(seed, labelled=False) for seed in range(3)])
    assert results and all(math.isnan(value) for value in results.values())
    assert len(warnings) == 1 and repr(task) in warnings[0]


@pytest.mark.parametrize("size", [1, 3, 4, 5])
def test_repeated_images_count_once_over_two_processes(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are dealt in turn and the last is repeated if need be, as mmengine's DefaultSampler does it."""
    images = [sample(index % size) for index in range(size + size % 2)]
    parts: list[Any] = []
    for rank in (0, 1):
        monkeypatch.setattr(streaming_metric, "get_dist_info", lambda rank=rank: (rank, 2))
        monkeypatch.setattr(
            "mmengine.evaluator.metric.collect_results", lambda part, *_, **__: parts.extend(part) or part
        )
        metric = NormalsMetric()
        metric.compute_metrics = lambda results: {}
        metric.process({}, [item.to_dict() for item in images[rank::2]])
        metric.evaluate(size)
    monkeypatch.undo()
    together = {f"normals/{name}": value for name, value in NormalsMetric().compute_metrics(parts).items()}
    assert together == pytest.approx(evaluate(NormalsMetric(), images[:size]))


def test_missing_things_are_named() -> None:
    with pytest.raises(KeyError, match=r"no task 'night' in a sample with \['depth', "):
        DepthMetric("night").process({}, [{"depth": {}, "semseg": {}}])
    with pytest.raises(KeyError, match="Task 'depth': no 'pred_depth_map'"):
        DepthMetric().process({}, [{"depth": {"gt_depth_map": 1}}])
    with pytest.raises(ValueError, match=r"task 'semseg': pass classes="):
        SegmentationMetric().process({}, [sample(0).to_dict()])
    with pytest.raises(ValueError, match=r"Task 'semseg', 0.png: .*do not fit 2 classes"):
        SegmentationMetric(classes=("a", "b")).process({}, [sample(0).to_dict()])
    with pytest.raises(RuntimeError, match="DepthMetric of task 'depth' was given no image"):
        DepthMetric().evaluate(0)


def test_mismatched_sizes_name_both_and_the_image() -> None:
    item = sample(4)
    item.get("depth").set_data({"pred_depth_map": PixelData(data=torch.rand(1, 5, 7))})
    with pytest.raises(ValueError, match=r"'depth'.*\(1, 5, 7\).*\(1, 5, 6\).*4\.png"):
        DepthMetric().process({}, [item.to_dict()])


def test_what_a_metric_reads() -> None:
    assert DepthMetric("night").reads == ("night",)
    assert MeanAccuracyMetric(["fish", "trees"]).reads == ("fish", "trees")
