"""Work for several processes whose results come back in order, a bounded number at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

__all__ = ["OrderedPool"]

# Jobs that may wait per process: enough that none is idle while the next batch is predicted.
JOBS_A_WORKER = 4


class OrderedPool:
    """Calls functions in other processes and hands out their results in the order of the calls.

    The processes start with the first job and end with :meth:`drain`. Without a job under way the pool can be copied
    and pickled. Copies share their processes: a sweep evaluates many networks at once.

    Args:
        num_workers: Processes; 0 works in this one, as does a process that may not start others.

    Raises:
        ValueError: If ``num_workers`` is negative.
    """

    def __init__(self, num_workers: int) -> None:
        if num_workers < 0:
            raise ValueError(f"num_workers={num_workers} must be 0 (this process) or a number of processes.")
        self.num_workers = num_workers
        self._processes = _Processes(num_workers)
        self._jobs: deque[Future] = deque()

    def __len__(self) -> int:
        """Number of jobs whose results have not been handed out."""
        return len(self._jobs)

    def submit(self, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        """Starts a job.

        Args:
            function: Can be pickled, as can its arguments and its result.
            *args: What it takes.

        Yields:
            The oldest results, as many as there are jobs too many. Waits for them.

        Raises:
            RuntimeError: If a process died. An error of the function is raised as it is.
        """
        if self.num_workers == 0 or multiprocessing.current_process().daemon:
            yield function(*args)
            return
        self._jobs.append(self._processes.of(self).submit(function, *args))
        while len(self) > JOBS_A_WORKER * self.num_workers:
            yield self._oldest()

    def drain(self) -> Iterator[Any]:
        """The remaining results; then, or after an error, the processes end.

        Raises:
            RuntimeError: See :meth:`submit`.
        """
        try:
            while self._jobs:
                yield self._oldest()
        finally:
            for job in self._jobs:
                job.cancel()
            self._jobs.clear()
            self._processes.leave(self)

    def _oldest(self) -> Any:
        try:
            return self._jobs.popleft().result()
        except BrokenProcessPool as error:
            raise RuntimeError(
                "a worker process died (its message is above, if it left one); num_workers=0 works in the main process"
            ) from error


class _Processes:
    """Processes that run as long as a pool has jobs for them."""

    def __init__(self, num_workers: int) -> None:
        self._num_workers = num_workers
        self._executor: ProcessPoolExecutor | None = None
        self._users: set[int] = set()

    def of(self, pool: OrderedPool) -> ProcessPoolExecutor:
        """The processes, which run from now on until the pool leaves."""
        self._users.add(id(pool))
        if self._executor is None:
            self._executor = ProcessPoolExecutor(self._num_workers, initializer=_start_worker)
        return self._executor

    def leave(self, pool: OrderedPool) -> None:
        """Ends the processes if no other pool uses them."""
        self._users.discard(id(pool))
        if self._executor is not None and not self._users:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None

    def __deepcopy__(self, memo: dict[int, Any]) -> _Processes:
        """Itself: copies of a pool share their processes."""
        return self

    def __reduce__(self) -> tuple[type[_Processes], tuple[int]]:
        """Processes cannot be pickled: the other side starts its own."""
        return _Processes, (self._num_workers,)


def _start_worker() -> None:
    """Leaves interrupts to the parent, and ends with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
