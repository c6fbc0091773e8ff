"""Anchors from existing single-task checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from ..streams import Stream


def anchor_checkpoints(anchor: Mapping[str, Any] | None, tasks: Sequence[str]) -> dict[str, str]:
    """Reads the setting ``model.anchor``.

    Args:
        anchor: ``dict(checkpoints={task: path or URL of a single-task model})``, or None.
        tasks: The model's tasks.

    Returns:
        The checkpoints in task order; empty without the setting.

    Raises:
        ValueError: If it has other entries, a task lacks its checkpoint or an unknown task has one.
    """
    if not anchor:
        return {}
    if set(anchor) != {"checkpoints"}:
        raise ValueError(f"model.anchor has {sorted(anchor)}, it takes dict(checkpoints={{task: path}}) only")
    checkpoints = anchor["checkpoints"]
    if set(checkpoints) != set(tasks):
        raise ValueError(
            f"anchor.checkpoints names the tasks {sorted(checkpoints)}, the model has {list(tasks)}: give one each"
        )
    return {task: checkpoints[task] for task in tasks}


def load_single_task(checkpoint: str, stream: Stream, head: nn.Module) -> None:
    """Loads a single-task model into a stream and its head.

    It is mmseg's (``backbone.*``, ``decode_head.*``) or mmpretrain's (``backbone.*``, ``head.*``).

    Args:
        checkpoint: Path or URL.
        stream: The task's stream.
        head: The task's head; of a head that wraps a decoder, the decoder takes the weights.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If it lacks weights or has others.
    """
    try:
        content = CheckpointLoader.load_checkpoint(checkpoint, map_location="cpu")
    except OSError as error:
        raise FileNotFoundError(f"model.anchor.checkpoints: cannot read {checkpoint!r} ({error})") from error
    state = content.get("state_dict", content)
    target = getattr(head, "decoder", head)
    weights = _below(state, "decode_head.decoder.") or _below(state, "decode_head.") or _below(state, "head.")
    try:
        stream.load_backbone_state_dict(_below(state, "backbone."))
        target.load_state_dict(weights)
    except (KeyError, RuntimeError, ValueError) as error:
        raise ValueError(f"single-task checkpoint {checkpoint!r} does not fit: {error}") from error


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
