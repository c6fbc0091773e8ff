"""A checkpoint hook that a killed run cannot leave without a loadable checkpoint."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmdymu.evaluation.metric_info import metric_info
from mmdymu.registry import HOOKS

__all__ = ["SafeCheckpointHook"]

# One fixed name: a killed run leaves at most one such file, and the next save overwrites it.
_UNFINISHED = "unfinished_checkpoint.tmp"


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """Write a checkpoint under another name, move it into place, and only then delete old ones.

    mmengine's own hook deletes the oldest checkpoint before it writes the new one, in place: a run that is
    killed meanwhile leaves half a file. Here ``last_checkpoint`` always names a complete file. Best
    checkpoints (``save_best``) and folders that are not local are written as mmengine does it.

    Args:
        max_keep_ckpts: How many of the latest checkpoints stay; -1 keeps all.
        save_best: Name of a metric (``multi_task/delta_m``), or names, whose best checkpoints are kept too.
        rule: ``'greater'`` or ``'less'``, or one for each name of ``save_best``: which is better. None asks what this
            package knows of its metrics, and mmengine's own rules for others.
        **kwargs: As for :class:`mmengine.hooks.CheckpointHook`.
    """

    keep_ckpt_ids: deque[int]

    def __init__(
        self,
        *,
        max_keep_ckpts: int = 2,
        save_best: str | list[str] | None = None,
        rule: str | list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        rule = rule or _rules_of([save_best] if isinstance(save_best, str) else save_best or [])
        super().__init__(max_keep_ckpts=max_keep_ckpts, save_best=save_best, rule=rule, **kwargs)

    def before_train(self, runner: Runner) -> None:
        """As mmengine's hook.

        Raises:
            ValueError: If the best checkpoint is wanted, but the loop never validates.
        """
        super().before_train(runner)
        if self.save_best and getattr(runner.train_loop, "val_interval", 1) == 0:
            names = ", ".join(self.save_best)
            raise ValueError(f"save_best={names} needs validations: set train_cfg.val_interval=…")

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, float]) -> None:
        """As mmengine's hook, but not before there is a controller, if the run trains one: nothing could be steered."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        stages = [stage.name for stage in getattr(runner.train_loop, "stages", ())]
        if "edges" in stages and not getattr(model, "is_controllable", True):
            return
        super()._save_best_checkpoint(runner, metrics)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        if not isinstance(self.file_backend, LocalBackend):
            super()._save_checkpoint_with_step(runner, step, meta)
            return
        outdated = self._keep(runner, step)
        self.last_ckpt = str(self._path_of(step))
        runner.message_hub.update_info("last_ckpt", self.last_ckpt)
        self._write(runner, Path(self.last_ckpt), meta)
        if is_main_process():
            _replace_text(Path(runner.work_dir) / "last_checkpoint", self.last_ckpt)
            for old in outdated:
                self._path_of(old).unlink(missing_ok=True)

    def _path_of(self, step: int) -> Path:
        return Path(self.out_dir) / self.filename_tmpl.format(step)

    def _keep(self, runner: Runner, step: int) -> list[int]:
        """Add a step to those that are kept; return the steps whose files are now one too many."""
        if self.max_keep_ckpts <= 0:
            return []
        steps = [kept for kept in self.keep_ckpt_ids if kept != step] + [step]
        # The stored list still has the outdated steps: if the run is killed before they are deleted, mmengine
        # deletes them when it resumes, because the list is longer than max_keep_ckpts.
        runner.message_hub.update_info("keep_ckpt_ids", steps)
        self.keep_ckpt_ids = deque(steps, self.max_keep_ckpts)
        return steps[: -self.max_keep_ckpts]

    def _write(self, runner: Runner, path: Path, meta: dict[str, Any]) -> None:
        unfinished = path.with_name(_UNFINISHED)
        try:
            runner.save_checkpoint(
                str(path.parent),
                unfinished.name,
                self.file_client_args,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
                **self.args,
            )
            if is_main_process():
                _move(unfinished, path)
        finally:
            if is_main_process():
                unfinished.unlink(missing_ok=True)


def _rules_of(names: Sequence[str]) -> list[str] | None:
    """Which way is better for each of some metrics; None unless all are known."""
    infos = [metric_info(name) for name in names]
    rules = [("greater" if info.higher_is_better else "less") for info in infos if info is not None]
    return rules if rules and len(rules) == len(names) else None


def _move(source: Path, target: Path) -> None:
    """Put a complete file in the place of another, in one step that a power cut cannot halve either."""
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(target)


def _replace_text(path: Path, text: str) -> None:
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.write_text(text)
    _move(unfinished, path)
