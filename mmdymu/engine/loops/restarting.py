"""The streams and heads that a run began with, for stages that begin from them again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.logging import print_log

from mmdymu.models import ControllableNet
from mmdymu.whole_file import whole_file

from .stage import Stage

__all__ = ["keep_or_restore_start"]

_PARTS = ("backbone", "heads")


def keep_or_restore_start(
    model: ControllableNet, stages: Sequence[Stage], stage: Stage, folder: str | Path, loaded: bool
) -> None:
    """Writes what the run began with where a later stage asks for it, and reads it where a stage restarts.

    A ``trunk`` stage belongs to the start: it takes the place of pretrained weights. The file stays in the work folder,
    so that a resumed run finds it.

    Args:
        model: As the stage before left it.
        stages: All stages of the run.
        stage: The one that begins.
        folder: The work folder.
        loaded: Whether the run started from another checkpoint (``load_from``).

    Raises:
        FileNotFoundError: If the file is gone.
        ValueError: If the run began with a checkpoint and has no stage before the one that restarts.
    """
    file = Path(folder) / "initial_weights.pth"
    begins = stage is next(other for other in stages if other.name != "trunk" or other is stages[-1])
    if stage.objective.restart and not begins:
        _restore(model, file)
    elif stage.objective.restart and loaded:
        raise ValueError(
            f"stage {stage.name!r} has restart=True, but the run begins with it, from the weights of load_from: leave "
            "load_from out and give model.edge_hypernet.tree the tree"
        )
    elif begins and any(other.objective.restart for other in stages if other is not stage):
        _keep(model, file)


def _keep(model: ControllableNet, file: Path) -> None:
    if is_main_process():
        with whole_file(file) as unfinished:
            torch.save({part: model.get_submodule(part).state_dict() for part in _PARTS}, unfinished)
    barrier()


def _restore(model: ControllableNet, file: Path) -> None:
    if not file.is_file():
        raise FileNotFoundError(
            f"{str(file)!r} does not exist, which holds the weights that the run began with: resume in the work folder "
            "in which it began"
        )
    start = torch.load(file, map_location="cpu", weights_only=True)
    for part in _PARTS:
        model.get_submodule(part).load_state_dict(start[part])
    print_log(f"streams and heads begin again from {file}", "current")
