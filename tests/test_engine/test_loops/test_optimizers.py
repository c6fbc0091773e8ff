from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from mmengine.runner import Runner
from torch import Tensor

MODEL = tiny.model_config(stream=tiny.SHORT)
STAGES = ("trunk", "anchor", "edges", "weights")


@OPTIM_WRAPPERS.register_module(force=True)
class CpuHalfOptimWrapper(OptimWrapper):
    """What AmpOptimWrapper does, which refuses to be built without an accelerator."""

    def optim_context(self, model: torch.nn.Module) -> Any:
        return torch.autocast("cpu", torch.bfloat16)


@pytest.mark.parametrize("source", ["table", "images"])
def test_trains_in_half_precision(tmp_path: Path, source: str) -> None:
    wrapper = {"type": "CpuHalfOptimWrapper", "optimizer": {"type": "SGD", "lr": 1e-2}}
    stages = [tiny.stage_config(name) for name in STAGES]
    stages[2]["objective"] = tiny.edge_objective(source=source, preferences_per_step=2)
    runner = tiny.train(tmp_path, train_cfg=tiny.train_cfg(*stages), model=MODEL, optim_wrapper=wrapper)
    assert all(p.isfinite().all() and p.dtype == torch.float32 for p in runner.model.parameters())


def test_gradients_accumulate_within_a_stage(tmp_path: Path) -> None:
    wrapper = {"optimizer": {"type": "SGD", "lr": 1e-2}, "accumulative_counts": 2}
    options = {"iters": 3, "optim_wrapper": wrapper, "param_scheduler": []}
    stages = [tiny.stage_config(name, **options) for name in ("anchor", "edges", "weights")]
    runner = tiny.build_runner(tmp_path, train_cfg=tiny.train_cfg(*stages), model=MODEL)
    states: list[dict[str, Tensor]] = []

    class Collect(Hook):
        def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
            states.append(dict(_parameters(runner)))

    runner.register_hook(Collect())
    runner.train()
    states.append(dict(_parameters(runner)))
    stepped = [any(not torch.equal(a[k], b[k]) for k in a) for a, b in itertools.pairwise(states)]
    assert stepped == [False, True, True] * 3


def _parameters(runner: Runner) -> Sequence[tuple[str, Tensor]]:
    return [(name, value.detach().clone()) for name, value in runner.model.named_parameters()]


def test_custom_keys_name_parts_as_in_the_model(tmp_path: Path) -> None:
    keys = {"heads": {"lr_mult": 10.0}, "streams.1": {"lr_mult": 0.0}}
    wrapper = {"optimizer": {"type": "SGD", "lr": 0.1}, "paramwise_cfg": {"custom_keys": keys}}
    stage = tiny.stage_config("anchor", optim_wrapper=wrapper, param_scheduler=[])
    runner = tiny.train(tmp_path, train_cfg=tiny.train_cfg(stage), model=MODEL)
    rates = {id(p): group["lr"] for group in runner.optim_wrapper.param_groups for p in group["params"]}
    model = runner.model
    assert {rates[id(p)] for p in model.heads.parameters()} == {1.0}
    assert [{rates[id(p)] for p in stream.parameters()} for stream in model.backbone.streams] == [{0.1}, {0.0}, {0.1}]


def test_learning_rates_scale_with_the_batch_once_in_every_stage(tmp_path: Path) -> None:
    wrapper = {"type": "OptimWrapper", "optimizer": {"type": "SGD", "lr": 0.1}}
    stages = [
        tiny.stage_config(n, optim_wrapper={}, param_scheduler=[{"type": "ConstantLR", "factor": 1}]) for n in STAGES
    ]
    scale = {"enable": True, "base_batch_size": 4}
    runner = tiny.build_runner(
        tmp_path, train_cfg=tiny.train_cfg(*stages), model=MODEL, optim_wrapper=wrapper, auto_scale_lr=scale
    )
    rates: dict[str, list[float]] = {}

    class Rates(Hook):
        def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
            rates.setdefault(runner.train_loop.stage.name, []).extend(runner.optim_wrapper.get_lr()["lr"])

    runner.register_hook(Rates())
    runner.train()
    assert rates == {name: [0.05, 0.05] for name in STAGES}
