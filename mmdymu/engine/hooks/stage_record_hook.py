"""Which stages a checkpoint's run has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdymu.registry import HOOKS

Layout = list[tuple[str, int]]


@HOOKS.register_module()
class StageRecordHook(Hook):
    """Writes the stages' names and lengths into checkpoints, so that a run resumes its own stages alone.

    An iteration's number says nothing without them: that of another config may lie in another stage, or be the end.
    :class:`StageTrainLoop` registers this hook itself.
    """

    def __init__(self) -> None:
        self._loaded: Layout | None = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Adds ``meta['stages']``: name and iterations of every stage, in order."""
        checkpoint["meta"]["stages"] = _layout(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: Mapping[str, Any]) -> None:
        """Remembers the stages of what was loaded last."""
        found = checkpoint.get("meta", {}).get("stages")
        self._loaded = None if found is None else [(str(name), int(length)) for name, length in found]

    def check(self, runner: Runner, iteration: int) -> None:
        """Checks that what is resumed was trained by this config's stages. Later stages may differ.

        Args:
            runner: Its loop tells the stages.
            iteration: Of the checkpoint that was loaded last.

        Raises:
            ValueError: If the stages up to that iteration had other names, or lengths where they are finished.
        """
        if self._loaded is None:
            return
        before, now = (_until(layout, iteration) for layout in (self._loaded, _layout(runner)))
        if before != now:
            raise ValueError(
                f"the checkpoint of iteration {iteration} is of a run with other stages: {_text(self._loaded)}; this "
                f"config has {_text(_layout(runner))}: choose another --work-dir, or begin on it with load_from"
            )


def _layout(runner: Runner) -> Layout:
    return [(stage.name, stage.max_iters) for stage in runner.train_loop.stages]


def _until(layout: Layout, iteration: int) -> list[tuple[str, int]]:
    """The stages that have begun by an iteration, with how much of each is done."""
    begun, start = [], 0
    for name, length in layout:
        if start < iteration:
            begun.append((name, min(length, iteration - start)))
        start += length
    return begun


def _text(layout: Layout) -> str:
    return ", ".join(f"{name} {length}" for name, length in layout)
