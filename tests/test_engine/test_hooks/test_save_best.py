"""The gain over single-task networks in a run: it chooses the best checkpoint and is logged everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from mmengine.dataset import pseudo_collate
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmpretrain.structures import MultiTaskDataSample
from mmseg.structures import SegDataSample
from torch import nn

from mmdymu.engine.hooks.checkpoint_hook import SafeCheckpointHook

# Of depth, after each iteration; the second is best. Segmentation is always right.
ERRORS = (0.5, 0.1, 0.3, 0.4)
BASELINES = {"semseg/mIoU": 50.0, "depth/rmse": 0.2}
GAINS = tuple((100 - 100 * (error - 0.2) / 0.2) / 2 for error in ERRORS)


class ToyModel(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = "tensor") -> Any:
        if mode == "loss":
            self.steps += 1
            return {"loss": self.layer(torch.stack(inputs)).square().mean()}
        for sample in data_samples:
            depth, classes = sample.depth.gt_depth_map.data, sample.semseg.gt_sem_seg.data
            sample.depth.set_data({"pred_depth_map": PixelData(data=depth + ERRORS[int(self.steps) - 1])})
            sample.semseg.set_data({"pred_sem_seg": PixelData(data=classes)})
        return data_samples


def item() -> dict[str, Any]:
    outer = MultiTaskDataSample()
    outer.set_field(SegDataSample(gt_depth_map=PixelData(data=torch.ones(1, 2, 2, dtype=torch.float64))), "depth")
    outer.set_field(SegDataSample(gt_sem_seg=PixelData(data=torch.tensor([[[0, 1], [1, 0]]]))), "semseg")
    return {"inputs": torch.ones(2), "data_samples": outer}


def train(work_dir: Path, save_best: Any, backends: list[dict[str, str]]) -> Runner:
    loader = {
        "dataset": [item() for _ in range(4)],
        "batch_size": 2,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": pseudo_collate,
    }
    runner = Runner(
        model=ToyModel(),
        work_dir=str(work_dir),
        train_dataloader=loader,
        val_dataloader=loader,
        train_cfg={"by_epoch": False, "max_iters": len(ERRORS), "val_interval": 1},
        val_cfg={},
        val_evaluator={
            "type": "MultiTaskEvaluator",
            "metrics": [{"type": "SegmentationMetric", "classes": ["a", "b"]}, {"type": "DepthMetric"}],
            "baselines": BASELINES,
        },
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        default_hooks={
            "checkpoint": {"type": SafeCheckpointHook, "by_epoch": False, "interval": 1, "save_best": save_best},
            "logger": {"type": "LoggerHook", "interval": 1, "log_metric_by_epoch": False},
        },
        log_processor={"by_epoch": False},
        visualizer={"type": "Visualizer", "vis_backends": backends, "name": work_dir.name},
        default_scope="mmdymu",
        experiment_name=work_dir.name,
    )
    runner.train()
    return runner


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("save_best")
    train(folder, "multi_task/delta_m", [{"type": "LocalVisBackend"}])
    return folder


def test_the_checkpoint_of_the_highest_gain_is_kept(work_dir: Path) -> None:
    best = [path.name for path in work_dir.glob("best_*")]
    assert best == ["best_multi_task_delta_m_iter_2.pth"]
    assert torch.load(work_dir / best[0], weights_only=False)["state_dict"]["steps"] == 2


def test_scalars_in_json(work_dir: Path) -> None:
    (file,) = work_dir.glob("*/vis_data/scalars.json")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    found = [line for line in lines if "multi_task/delta_m" in line]
    assert [line["multi_task/delta_m"] for line in found] == pytest.approx(GAINS)
    assert [line["depth/rmse"] for line in found] == pytest.approx(ERRORS)
    assert [line["semseg/mIoU"] for line in found] == [100] * 4
    assert [line["step"] for line in found] == [1, 2, 3, 4]


def test_log(work_dir: Path) -> None:
    (file,) = work_dir.glob("*/*.log")
    text = file.read_text()
    assert "multi_task/delta_m: 75.0000" in text and "depth/rmse: 0.1000" in text
    assert "best checkpoint with 75.0000 multi_task/delta_m" in text


def test_tensorboard(tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(tmp_path, None, [{"type": "TensorboardVisBackend"}]).visualizer.close()
    (file,) = tmp_path.glob("*/vis_data/events.out.tfevents.*")
    log = events.EventAccumulator(str(file))
    log.Reload()
    found = {
        name: [event.value for event in log.Scalars(name)]
        for name in ("multi_task/delta_m", "depth/rmse", "semseg/mIoU")
    }
    assert found["multi_task/delta_m"] == pytest.approx(GAINS)
    assert found["depth/rmse"] == pytest.approx(ERRORS) and found["semseg/mIoU"] == [100] * 4
    assert [event.step for event in log.Scalars("depth/rmse")] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("names", "rules"),
    [
        ("multi_task/delta_m", ["greater"]),
        ("depth/rmse", ["less"]),
        (["normals/mean", "semseg/mIoU"], ["less", "greater"]),
    ],
)
def test_which_way_is_better_is_known(names: Any, rules: list[str]) -> None:
    assert SafeCheckpointHook(save_best=names).rules == rules
    assert SafeCheckpointHook(save_best="depth/rmse", rule="greater").rules == ["greater"]


def test_unknown_metrics_are_left_to_mmengine() -> None:
    assert SafeCheckpointHook(save_best="my/acc").rules == ["greater"]
    with pytest.raises(ValueError, match="rule"):
        SafeCheckpointHook(save_best="my/score")
    assert SafeCheckpointHook(save_best="my/score", rule="less").rules == ["less"]


def test_the_best_network_of_a_run_through_stages_is_kept(tmp_path: Path) -> None:
    gains: dict[int, float] = {}

    class Seen(Hook):
        def after_val_epoch(self, runner: Runner, metrics: Any = None) -> None:
            gains[runner.iter] = metrics["multi_task/delta_m"]

    checkpoint = {"type": "SafeCheckpointHook", "by_epoch": False, "interval": -1, "save_last": False}
    runner = tiny.build_runner(
        tmp_path,
        model=tiny.model_config(stream=tiny.SHORT),
        train_cfg=tiny.train_cfg(*(tiny.stage_config(name) for name in ("anchor", "edges")), val_interval=1),
        val_dataloader=tiny.test_loader(),
        val_cfg={"type": "ValLoop"},
        val_evaluator={
            "type": "MultiTaskEvaluator",
            "metrics": [{"type": "DepthMetric"}, {"type": "NormalsMetric"}],
            "baselines": {"depth/rmse": 1.0, "normals/mean": 50.0},
        },
        default_hooks={"checkpoint": {**checkpoint, "save_best": "multi_task/delta_m"}},
    )
    runner.register_hook(Seen())
    runner.train()
    assert len(gains) == 4
    # Two iterations of each stage; what the anchor stage leaves could not be steered.
    best = max((iteration for iteration in gains if iteration > 2), key=lambda iteration: gains[iteration])
    assert [path.name for path in tmp_path.glob("*.pth")] == [f"best_multi_task_delta_m_iter_{best}.pth"]
