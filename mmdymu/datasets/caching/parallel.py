"""The same work on many items, by several processes, with a progress bar."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import cv2
from mmengine.utils import ProgressBar

Item = TypeVar("Item")
Result = TypeVar("Result")
# One process more for fewer items costs more than it gives.
ITEMS_A_WORKER = 16


def map_parallel(
    function: Callable[[Item], Result], items: Sequence[Item], num_workers: int | None = None
) -> list[Result]:
    """Results of a function for all items, in their order.

    The processes have a fixed share each. They end with their parent, and one that dies is noticed.

    Args:
        function: Can be pickled, as must be items, results and errors.
        items: What it takes.
        num_workers: Processes; 0 works in this one; None: one for each usable core.

    Raises:
        RuntimeError: If a process dies. An error of the function is raised as it is.
    """
    workers = worker_count(num_workers, len(items))
    bar = ProgressBar(len(items))
    results: list[Any] = [None] * len(items)
    if workers < 2:
        for index, item in enumerate(items):
            results[index] = function(item)
            bar.update()
    else:
        _collect(function, items, workers, results, bar)
    bar.file.write("\n")
    return results


def worker_count(num_workers: int | None, items: int) -> int:
    """Processes worth starting for so many items; 0 inside a daemon, such as a loader's worker."""
    if multiprocessing.current_process().daemon:
        return 0
    if num_workers is None:
        num_workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(num_workers or 0, items // ITEMS_A_WORKER)


def _collect(
    function: Callable[[Item], Any], items: Sequence[Item], workers: int, results: list[Any], bar: ProgressBar
) -> None:
    context = multiprocessing.get_context()
    # This process keeps the sending ends, too, so that an ended worker's pipe does not count as ready.
    pipes = [context.Pipe(duplex=False) for _ in range(workers)]
    processes = [
        context.Process(target=_work, args=(function, items[first::workers], sender), daemon=True)
        for first, (_, sender) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    places = {receiver: iter(range(first, len(items), workers)) for first, (receiver, _) in enumerate(pipes)}
    running = {process.sentinel: process for process in processes}
    finished = False
    try:
        while bar.completed < len(items):
            for ready in wait([*places, *running]):
                if isinstance(ready, Connection):
                    results[next(places[ready])] = _received(ready)
                    bar.update()
                elif isinstance(ready, int) and _exit_code(running.pop(ready)):
                    raise RuntimeError(
                        "a worker process died (its message is above, if it left one); num_workers=0 works in the "
                        "main process"
                    )
        finished = True
    finally:
        for process in processes:
            if not finished:
                process.terminate()
            process.join()


def _exit_code(process: BaseProcess) -> int | None:
    process.join()  # It has closed its end, but may not have ended yet.
    return process.exitcode


def _received(receiver: Connection) -> Any:
    result, error = receiver.recv()
    if error is not None:
        raise error
    return result


def _work(function: Callable[[Item], Any], items: Sequence[Item], sender: Connection) -> None:
    cv2.setNumThreads(0)
    parent = multiprocessing.parent_process()
    for item in items:
        if parent is not None and not parent.is_alive():
            return
        try:
            result = function(item)
        except Exception as error:
            sender.send((None, error))
            return
        sender.send((result, None))
