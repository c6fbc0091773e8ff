from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdymu.engine.hooks import stage_progress_hook
from mmdymu.engine.loops import stage_loop

SECONDS = {"trunk": 5.0, "anchor": 0.5}


class Clock(Hook):
    """Time passes with iterations only, and ten seconds before each stage."""

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self.now, self.stage = 0.0, ""
        self.seen: list[tuple[float, dict[str, float]]] = []

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if runner.train_loop.stage.name != self.stage:
            self.stage = runner.train_loop.stage.name
            self.now += 10

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self.now += SECONDS[self.stage]


class Reader(Hook):
    """Reads what LoggerHook gets to see, just before it."""

    priority = 59

    def __init__(self) -> None:
        self.seen: list[tuple[float, dict[str, float]]] = []

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        hub = runner.message_hub
        done = {k: float(v.current()) for k, v in hub.log_scalars.items() if k.endswith("_done")}
        self.seen.append((hub.get_info("eta"), done))


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Reader:
    stages = [tiny.stage_config(name, iters=3) for name in SECONDS]
    model = tiny.model_config(stream=tiny.SHORT)
    runner = tiny.build_runner(folder, train_cfg=tiny.train_cfg(*stages), model=model, **changes)
    clock, reader = Clock(), Reader()
    monkeypatch.setattr(stage_progress_hook.time, "monotonic", lambda: clock.now)
    runner.register_hook(clock)
    runner.register_hook(reader)
    runner.train()
    return reader


def test_eta_is_the_time_to_the_end_of_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = run(tmp_path, monkeypatch)
    assert [eta for eta, _ in reader.seen] == pytest.approx([10, 5, 0, 1, 0.5, 0])


def test_the_log_says_what_eta_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(stage_loop, "print_log", lambda text, *_: told.append(text))
    run(tmp_path, monkeypatch)
    assert [text for text in told if "eta" in text] == [
        f"eta is the time to the end of stage {name}, the counter that of all 6 iterations" for name in SECONDS
    ]


def test_the_share_done_of_the_running_stage_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = run(tmp_path, monkeypatch)
    expected = [{f"train/{name}_done": (i + 1) / 3} for name in SECONDS for i in range(3)]
    assert [done for _, done in reader.seen] == [pytest.approx(done) for done in expected]


def test_a_resumed_stage_counts_from_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = {"checkpoint": {"type": "SafeCheckpointHook", "by_epoch": False, "interval": 1, "max_keep_ckpts": -1}}
    run(tmp_path, monkeypatch, default_hooks=hooks)
    reader = run(tmp_path, monkeypatch, resume=True, load_from=str(tmp_path / "iter_5.pth"))
    assert reader.seen == [(0, {"train/anchor_done": 1})]
