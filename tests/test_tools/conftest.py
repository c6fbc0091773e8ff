"""The tools as modules, and a tiny config that they can run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS
from mmengine.runner import Runner
from script_module import script_module
from torch import nn

from mmdymu import Preference

TOOLS = Path(__file__).parents[2] / "tools"
CONFIG = """
default_scope = "mmengine"
custom_imports = dict(imports=["mmdymu"])
model = dict(type="ToyControllable")
data = dict(
    batch_size=2,
    dataset=dict(type="ToyFrames"),
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="default_collate"),
)
train_dataloader = data
test_dataloader = data
train_cfg = dict(type="IterBasedTrainLoop", max_iters=2)
test_cfg = dict()
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=0.1))
test_evaluator = dict(type="ToyMetric")
default_hooks = dict(checkpoint=dict(type="mmdymu.SafeCheckpointHook", by_epoch=False, interval=1))
custom_hooks = [dict(type="ToyPreferenceHook")]
log_level = "ERROR"
"""


@MODELS.register_module()
class ToyControllable(BaseModel):
    """Uses fewer nodes the larger the cost weight; ``saving=0`` makes it ignore the cost weight."""

    tasks = ("semseg", "depth")

    def __init__(self, saving: int = 4) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)
        self.saving = saving
        self.preference = Preference.uniform(self.tasks)

    def forward(self, inputs: torch.Tensor, mode: str = "tensor") -> Any:
        if mode == "loss":
            return {"loss": self.layer(inputs).square().mean()}
        return [{"semseg": 0.5, "depth": 1.5} for _ in inputs]

    def report(self) -> dict[str, Any]:
        used = 10 - round(self.saving * self.preference.cost_weight)
        shares = {"gflops": used / 10, "params": 1000 * used, "share": used / 10}
        return {"tree": "a tree", "nodes_used": used, "nodes_total": 10, **shares}


@HOOKS.register_module()
class ToyPreferenceHook(Hook):
    def before_test(self, runner: Runner) -> None:
        pref, cost_weight = runner.cfg.get("pref"), runner.cfg.get("cost_weight", 0.0)
        tasks = runner.model.tasks
        weights = pref if pref is not None else [1.0] * len(tasks)
        runner.model.preference = Preference.parse(weights, cost_weight=cost_weight, tasks=tasks)


@DATASETS.register_module()
class ToyFrames(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"inputs": torch.ones(2)}


@METRICS.register_module()
class ToyMetric(BaseMetric):
    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list) -> dict[str, float]:
        return {"semseg/aAcc": 0.9, "semseg/mIoU": results[0]["semseg"], "depth/rmse": results[0]["depth"]}


@pytest.fixture
def load_tool(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import a file of tools/ as ``python tools/NAME.py`` does: with its folder first on the path."""

    return lambda name: script_module(monkeypatch, TOOLS / f"{name}.py", "tool")


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "toy.py"
    path.write_text(CONFIG)
    return path
