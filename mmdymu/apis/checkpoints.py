"""Checkpoints of controllable models, and whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import CheckpointLoader

from mmdymu.checkpoint_file import check_checkpoint
from mmdymu.models import ControllableNet

__all__ = ["load_weights", "stored_config"]


def load_weights(model: ControllableNet, path: str | Path) -> dict[str, Any]:
    """Loads all weights of a model; a checkpoint of any other model is refused instead of loaded in part.

    Args:
        model: On the CPU.
        path: File or address of a checkpoint.

    Returns:
        The checkpoint's ``meta``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, not one of a controllable model, or belongs to other tasks or another
            network.
    """
    check_checkpoint(path)
    content = CheckpointLoader.load_checkpoint(str(path), map_location="cpu", logger="silent")
    state = content.get("state_dict", content)
    state = {name.removeprefix("module."): value for name, value in state.items()}
    if "_extra_state" not in state:
        raise ValueError(
            f"checkpoint {str(path)!r} names no tasks, so it is not one of a controllable model: train one, from "
            "single-task checkpoints with model.anchor=dict(checkpoints={task: path})"
        )
    missing, unknown = model.load_state_dict(state, strict=False)
    if model.weight_hypernet is None:
        # Left out on purpose: the model then never adapts its norms.
        unknown = [name for name in unknown if not name.startswith("weight_hypernet.")]
    if missing or unknown:
        kind, names = ("lacks", missing) if missing else ("has", unknown)
        raise ValueError(
            f"checkpoint {str(path)!r} belongs to another network: it {kind} {len(names)} tensors that the model "
            f"{'has' if missing else 'lacks'}, the first is {names[0]!r}: use the config that it was trained with"
        )
    return content.get("meta", {})


def stored_config(weights: str | Path) -> Config:
    """The config that a run has stored in its checkpoint.

    Raises:
        ValueError: If there is none.
    """
    check_checkpoint(weights)
    content = CheckpointLoader.load_checkpoint(str(weights), map_location="cpu", logger="silent")
    text = content.get("meta", {}).get("cfg")
    if not text:
        raise ValueError(f"checkpoint {str(weights)!r} has no config in it: give the config file, too")
    return Config.fromstring(text, ".py")
