"""The registered metrics: names, pooling over batches and processes, memory, bad input."""

from __future__ import annotations

import math
import pickle
import warnings
from typing import Any, Literal

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmpretrain.structures import MultiTaskDataSample
from mmseg.evaluation import IoUMetric
from test_evaluation.evaluated import CLASSES, sample, with_classes

from mmdymu.evaluation import (
    AccuracyMetric,
    DepthMetric,
    MeanAccuracyMetric,
    NormalsMetric,
    SaliencyMetric,
    SegmentationMetric,
    StreamingMetric,
)
from mmdymu.evaluation.functional import class_areas, depth_error_sums, depth_errors, mean_iou
from mmdymu.evaluation.metrics import streaming_metric
from mmdymu.registry import METRICS

METRICS_OF = {
    "semseg": SegmentationMetric,
    "saliency": SaliencyMetric,
    "depth": DepthMetric,
    "normals": NormalsMetric,
}


def evaluate(metric: StreamingMetric, samples: list[MultiTaskDataSample], batch: int = 2) -> dict[str, float]:
    metric.dataset_meta = {"classes": {"semseg": CLASSES, "parts": CLASSES}}
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


@pytest.mark.parametrize("absent", ["ignore", "zero"])
def test_absent_classes(absent: Literal["ignore", "zero"]) -> None:
    samples = [sample(seed) for seed in range(3)]
    classes = (*CLASSES, "nowhere")
    maps = (torch.stack([s.get("semseg").get(name).data for s in samples]) for name in ("pred_sem_seg", "gt_sem_seg"))
    areas = class_areas(*maps, num_classes=4)
    expected = 100 * mean_iou(areas["intersect"], areas["union"], absent)
    found = evaluate(SegmentationMetric(classes=classes, absent=absent), samples)["semseg/mIoU"]
    assert found == pytest.approx(expected, abs=0.0051)


def test_images_without_parts_can_be_left_out() -> None:
    with_parts, without = sample(0), sample(1)
    labels = without.get("parts").gt_sem_seg.data
    labels[labels != 255] = 0
    scores = [
        evaluate(SegmentationMetric("parts"), images)["parts/mIoU"] for images in ([with_parts], [with_parts, without])
    ]
    skipping = SegmentationMetric("parts", skip_background_images=True)
    assert evaluate(skipping, [with_parts, without])["parts/mIoU"] == scores[0] != scores[1]


def test_depth_by_image() -> None:
    samples = [sample(seed) for seed in range(3)]
    each = [
        depth_errors(depth_error_sums(s.get("depth").pred_depth_map.data, s.get("depth").gt_depth_map.data), "log10")
        for s in samples
    ]
    expected = {f"depth/{name}": sum(errors[name] for errors in each) / 3 for name in each[0]}
    assert evaluate(DepthMetric(averaging="image", log="log10"), samples) == pytest.approx(expected)


def test_saliency_of_two_channels_is_their_softmax() -> None:
    one, two = sample(2), sample(2)
    probability = one.get("saliency").seg_logits.data
    logits = torch.cat([torch.ones_like(probability), probability.logit() + 1])
    two.get("saliency").set_data({"seg_logits": PixelData(data=logits)})
    variants = ("mIoU", "maxF", "maxF_image")
    found, expected = (evaluate(SaliencyMetric(variants=variants), [image]) for image in (two, one))
    assert found == pytest.approx(expected) and {*found} == {f"saliency/{name}" for name in variants}


def test_saliency_options() -> None:
    images = [sample(seed) for seed in range(3)]
    variants = ("mIoU", "maxF", "maxF_image")
    own = evaluate(SaliencyMetric(variants=variants), images)
    assert evaluate(SaliencyMetric(), images) == {"saliency/mIoU": own["saliency/mIoU"]}
    assert evaluate(SaliencyMetric(variants=("maxF",)), images) == {"saliency/maxF": own["saliency/maxF"]}
    same = evaluate(SaliencyMetric(variants=variants, beta_squared=1.0), images)
    assert same["saliency/maxF_image"] == own["saliency/maxF_image"] and same["saliency/maxF"] != own["saliency/maxF"]
    single = evaluate(SaliencyMetric(iou_thresholds=[0.5]), images)["saliency/mIoU"]
    assert 0 < single <= own["saliency/mIoU"] < 100
    # Just above a cut-off: below it once it has been a byte.
    images[0].get("saliency").seg_logits.data.fill_(0.5 + 1e-4)
    images[0].get("saliency").gt_sem_seg.data.fill_(1)
    scores = [
        evaluate(SaliencyMetric(iou_thresholds=[0.5], quantize=quantize), images[:1])["saliency/mIoU"]
        for quantize in (False, True)
    ]
    assert scores == [100, 0]


def test_all_metrics_work_in_one_evaluator() -> None:
    evaluator = Evaluator([dict(type="mmdymu." + kind.__name__) for kind in METRICS_OF.values()])
    evaluator.dataset_meta = {"classes": {"semseg": CLASSES, "parts": CLASSES}}
    evaluator.process([sample(0), sample(1)], {})
    results = evaluator.evaluate(2)
    assert {"semseg/mIoU", "depth/rmse", "normals/mean", "normals/within_11.25"} <= set(results)


def test_a_second_evaluation_starts_afresh() -> None:
    metric, samples = DepthMetric(), [sample(0), sample(1)]
    assert evaluate(metric, samples) == evaluate(metric, samples)


@pytest.mark.parametrize("kind", METRICS_OF.values())
def test_memory_is_constant(kind: type[StreamingMetric]) -> None:
    metric, sizes = kind(), []
    metric.dataset_meta = {"classes": {"semseg": CLASSES, "parts": CLASSES}}
    for seed in range(6):
        metric.process({}, [sample(seed).to_dict()])
        sizes.append(len(pickle.dumps({k: v for k, v in vars(metric).items() if k != "iou"})))
    assert sizes[1:] == [sizes[1]] * 5


@pytest.mark.parametrize(
    "metric",
    [
        *(kind() for kind in METRICS_OF.values()),
        SegmentationMetric(iou_metrics=("mIoU", "mDice", "mFscore"), absent="zero"),
        SegmentationMetric("parts", skip_background_images=True),
        SaliencyMetric(variants=("mIoU", "maxF", "maxF_image")),
        SaliencyMetric(variants=("maxF",)),
        DepthMetric(averaging="image"),
        AccuracyMetric("people"),
        MeanAccuracyMetric(["people", "dogs"]),
    ],
    ids=lambda metric: f"{type(metric).__name__}-{metric.prefix}",
)
def test_without_any_label_results_are_nan_with_one_warning(
    metric: StreamingMetric, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    monkeypatch.setattr(streaming_metric, "print_log", lambda message, **_: messages.append(message))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = evaluate(metric, [with_classes(sample(seed, labelled=False), seed) for seed in range(3)])
    assert results and all(math.isnan(value) for value in results.values())
    assert len(messages) == 1 and all(repr(task) in messages[0] for task in metric.reads)


@pytest.mark.parametrize("iou_metrics", [["mIoU"], ["mDice"], ["mFscore", "mIoU"]])
def test_results_have_the_same_names_with_and_without_labels(iou_metrics: list[str]) -> None:
    found, nothing = (
        evaluate(SegmentationMetric(iou_metrics=iou_metrics), [sample(0, labelled)]) for labelled in (True, False)
    )
    assert found.keys() == nothing.keys()


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
    saliency = {
        "seg_logits": PixelData(data=torch.full((1, 2, 2), 3.0)),
        "gt_sem_seg": PixelData(data=torch.ones(1, 2, 2)),
    }
    with pytest.raises(ValueError, match=r"Task 'saliency', a.png: .*from 3 to 3 are no probabilities"):
        SaliencyMetric().process({}, [{"saliency": {**saliency, "img_path": "a.png"}}])
    saliency["seg_logits"] = PixelData(data=torch.zeros(3, 2, 2))
    with pytest.raises(ValueError, match=r"seg_logits \(3, 2, 2\); needed are \(1, H, W\)"):
        SaliencyMetric().process({}, [{"saliency": saliency}])
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


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (SegmentationMetric, {"absent": "drop"}, "absent='drop'"),
        (SegmentationMetric, {"iou_metrics": ["IoU"]}, r"iou_metrics=\['IoU'\]"),
        (DepthMetric, {"averaging": "batch"}, "averaging='batch'"),
        (DepthMetric, {"log": "2"}, "log='2'"),
        (SaliencyMetric, {"variants": "mIoU"}, "variants='mIoU'"),
        (SaliencyMetric, {"variants": ["mF"]}, r"variants=\['mF'\]"),
        (SaliencyMetric, {"iou_thresholds": [0.5, 0.2]}, "iou_thresholds=.* must rise"),
        (SaliencyMetric, {"f_thresholds": [50]}, "f_thresholds=.* lie in"),
        (SaliencyMetric, {"beta_squared": 0}, "beta_squared=0"),
    ],
)
def test_bad_settings_are_named(kind: type[StreamingMetric], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**settings)


@pytest.mark.parametrize("task", ["depth", "normals"])
def test_predictions_that_are_not_finite_are_named(task: str) -> None:
    broken = sample(0)
    inner = broken.get(task)
    name = next(name for name in list(inner.keys()) if name.startswith("pred"))
    inner.get(name).data[0, 1, 2] = math.nan
    with pytest.raises(ValueError, match=rf"Task '{task}': {name} is not finite everywhere in 0\.png"):
        evaluate(METRICS_OF[task](), [broken])
