"""Progress of long work, in the log."""

from __future__ import annotations

import time

from mmengine.logging import print_log


class Progress:
    """Logs how far work is and how long it will still take, every few seconds.

    Lines in the log are readable in a file as well as on a terminal, which a redrawn bar is not.

    Args:
        name: What is done.
        total: Number of steps.
        interval: Seconds between lines.
    """

    def __init__(self, name: str, total: int, interval: float = 10.0) -> None:
        self.name, self.total, self.interval = name, total, interval
        self.done = 0
        self._start = self._last = time.monotonic()

    def update(self, steps: int = 1) -> None:
        """Counts finished steps."""
        self.done += steps
        now = time.monotonic()
        if now - self._last < self.interval and self.done < self.total:
            return
        self._last = now
        left = (now - self._start) / self.done * (self.total - self.done)
        print_log(f"{self.name}: {self.done} of {self.total}, {left:.0f} s left", "current")
