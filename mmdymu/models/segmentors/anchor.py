"""Anchors from existing single-task checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmengine.runner.checkpoint import _load_checkpoint
from torch import Tensor, nn

from ..streams import Stream


def check_anchor_checkpoints(checkpoints: Mapping[str, str], tasks: Sequence[str]) -> dict[str, str]:
    """Checks that every task has one checkpoint.

    Args:
        checkpoints: Path or URL of a single-task model by task.
        tasks: The model's tasks.

    Returns:
        The checkpoints in task order.

    Raises:
        ValueError: If a task lacks its checkpoint or an unknown task has one.
    """
    if set(checkpoints) != set(tasks):
        raise ValueError(
            f"anchor.checkpoints names the tasks {sorted(checkpoints)}, the model has {list(tasks)}: give one each"
        )
    return {task: checkpoints[task] for task in tasks}


def load_single_task(checkpoint: str, stream: Stream, head: nn.Module) -> None:
    """Loads an mmseg single-task model (``backbone.*``, ``decode_head.*``) into a stream and its head.

    Args:
        checkpoint: Path or URL.
        stream: The task's stream.
        head: The task's head; of a head that wraps a decoder, the decoder takes the weights.

    Raises:
        KeyError: If the checkpoint lacks weights.
        ValueError: If shapes differ.
    """
    content = _load_checkpoint(checkpoint, map_location="cpu")
    state = content.get("state_dict", content)
    stream.load_backbone_state_dict(_below(state, "backbone."))
    target = getattr(head, "decoder", head)
    weights = _below(state, "decode_head.decoder.") or _below(state, "decode_head.")
    try:
        target.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"decode_head of {checkpoint!r} does not fit its head: {error}") from error


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
