"""Time left, in the log, where stages differ in speed."""

from __future__ import annotations

import time
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdymu.registry import HOOKS


@HOOKS.register_module()
class StageProgressHook(Hook):
    """Logs how much of the running stage is done, and makes ``eta`` the time until its end.

    mmengine multiplies the mean time of all past iterations by all that are left, but an iteration of one stage can
    take a hundred times as long as one of another. :class:`StageTrainLoop` registers this hook itself, and says with
    every stage what ``eta`` is.
    """

    # After IterTimerHook, which has the same priority and is registered earlier, and before LoggerHook.
    priority = "NORMAL"

    def __init__(self) -> None:
        self._stage = ""
        self._done, self._since = 0, 0.0

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Starts the clock with a stage's first iteration, after all that prepares the stage."""
        if runner.train_loop.stage.name != self._stage:
            self._stage, self._done, self._since = runner.train_loop.stage.name, 0, time.monotonic()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Writes what LoggerHook then shows."""
        stage = runner.train_loop.stage
        self._done += 1
        left = stage.stop - runner.iter - 1
        seconds = (time.monotonic() - self._since) / self._done * left
        runner.message_hub.update_info("eta", seconds)
        runner.message_hub.update_scalar(f"train/{stage.name}_done", 1 - left / stage.max_iters)
