"""What the main process alone does, and all processes know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mmengine.dist import broadcast_object_list, is_main_process

__all__ = ["on_main_process"]

Result = TypeVar("Result")


def on_main_process(work: Callable[[], Result]) -> Result:
    """Does work in the main process.

    Args:
        work: What is done; its result can be pickled.

    Returns:
        The result, in all processes.

    Raises:
        Exception: The work's own error, in all processes, so that none waits for the others.
    """
    outcome: list[tuple[Result | None, Exception | None]] = [(None, None)]
    if is_main_process():
        try:
            outcome = [(work(), None)]
        except Exception as error:
            outcome = [(None, error)]
    broadcast_object_list(outcome)
    result, failure = outcome[0]
    if failure is not None:
        raise failure
    return result  # type: ignore[return-value]
