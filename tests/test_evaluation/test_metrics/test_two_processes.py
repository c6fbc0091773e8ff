"""All metrics in two processes that gather by gloo, with a sampler that repeats an image, against one process."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import Evaluator
from mmengine.registry import EVALUATOR, init_default_scope
from test_evaluation.evaluated import CLASS_TASKS, CLASSES, sample, with_classes
from torch.multiprocessing import spawn

import mmdymu.registry  # noqa: F401  the scope of the configs

IMAGES = 5
#: A metric is added to this test by a line here.
CONFIGS: dict[str, dict[str, Any]] = {
    "semseg": {"type": "SegmentationMetric"},
    "parts": {"type": "SegmentationMetric", "task": "parts", "absent": "zero", "skip_background_images": True},
    "saliency": {"type": "SaliencyMetric", "variants": ["mIoU", "maxF", "maxF_image"]},
    # Of tiny images, the suppression at borders would leave nothing.
    "edges": {"type": "EdgesMetric", "task": "saliency", "reader": "survey", "max_distance": 0.2, "num_workers": 1},
    "depth": {"type": "DepthMetric"},
    "depth by image": {"type": "DepthMetric", "averaging": "image", "log": "log10"},
    "normals": {"type": "NormalsMetric"},
    "fish": {"type": "AccuracyMetric", "task": "fish"},
    "people": {"type": "AccuracyMetric", "task": "people"},
    "mean": {"type": "MeanAccuracyMetric", "tasks": CLASS_TASKS},
    "gain": {
        "type": "MultiTaskEvaluator",
        "metrics": [{"type": "SegmentationMetric"}, {"type": "DepthMetric"}],
        "baselines": {"semseg/mIoU": 30.0, "depth/rmse": 0.5},
    },
}
#: Ratios of counts: equal to the last bit. The others are sums of real numbers, added in another order.
COUNTED = {
    "aAcc", "mAcc", "accuracy", "maxF", "odsF", "oisF", "AP", "delta1", "delta2", "delta3", "median",
    "within_11.25", "within_22.5", "within_30",
}  # fmt: skip


def evaluate(indices: list[int]) -> dict[str, dict[str, float]]:
    """Results of every metric over this process's images."""
    init_default_scope("mmdymu")
    found = {}
    for name, config in CONFIGS.items():
        evaluator = EVALUATOR.build(dict(config)) if "metrics" in config else Evaluator([dict(config)])
        evaluator.dataset_meta = {"classes": {"semseg": CLASSES, "parts": CLASSES}}
        for start in range(0, len(indices), 2):
            evaluator.process([with_classes(sample(index), index) for index in indices[start : start + 2]])
        found[name] = evaluator.evaluate(IMAGES)
    return found


def evaluate_rank(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    indices = list(DefaultSampler(range(IMAGES), shuffle=False))
    assert len(indices) == 3, "five images and one that is repeated"
    Path(folder, f"{rank}.json").write_text(json.dumps(evaluate(indices)))
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def by_rank(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, float]]]:
    folder = tmp_path_factory.mktemp("metrics")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    spawn(evaluate_rank, (port, str(folder)), nprocs=2)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("name", CONFIGS)
def test_two_processes_find_what_one_finds(name: str, by_rank: list[dict[str, dict[str, float]]]) -> None:
    alone = evaluate(list(range(IMAGES)))[name]
    assert alone and by_rank[0][name].keys() == alone.keys()
    for key, value in alone.items():
        exact = key.rsplit("/", maxsplit=1)[-1] in COUNTED and CONFIGS[name].get("averaging") != "image"
        expected = pytest.approx(value, rel=0 if exact else 1e-9, abs=0, nan_ok=True)
        assert [found[name][key] for found in by_rank] == [expected, expected], key
