"""Times of a network's parts and of the whole, on a CPU or a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

__all__ = ["PartTimes", "run_ms"]


def run_ms(run: Callable[[], Any], device: torch.device) -> float:
    """Time one run, milliseconds.

    Args:
        run: What is timed.
        device: Where it works; a GPU is waited for before and after.

    Returns:
        The time.
    """
    _wait(device)
    start = time.perf_counter()
    run()
    _wait(device)
    return (time.perf_counter() - start) * 1e3


class PartTimes:
    """Times of modules while a network runs as it always does.

    Args:
        parts: The modules by name.
        device: Where they run. On a GPU the times are those of its own clock.
    """

    def __init__(self, parts: Mapping[Any, nn.Module], device: torch.device) -> None:
        self.parts, self.device = parts, device
        self._marks: list[tuple[Any, Any, Any]] = []

    @contextmanager
    def watching(self) -> Iterator[PartTimes]:
        """Times every call of the parts inside."""
        starts: dict[Any, Any] = {}
        handles = []
        for name, part in self.parts.items():

            def before(_module: nn.Module, _inputs: Any, name: Any = name) -> None:
                starts[name] = self._now()

            def after(_module: nn.Module, _inputs: Any, _output: Any, name: Any = name) -> None:
                self._marks.append((name, starts.pop(name), self._now()))

            handles += [part.register_forward_pre_hook(before), part.register_forward_hook(after)]
        try:
            yield self
        finally:
            for handle in handles:
                handle.remove()

    def take(self) -> list[tuple[Any, float]]:
        """Name and milliseconds of every call since the last take."""
        _wait(self.device)
        marks, self._marks = self._marks, []
        if self.device.type == "cuda":
            return [(name, start.elapsed_time(end)) for name, start, end in marks]
        return [(name, (end - start) * 1e3) for name, start, end in marks]

    def _now(self) -> Any:
        if self.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
