from __future__ import annotations

import multiprocessing
import os

import pytest

from mmdymu.datasets.caching import map_parallel, parallel, worker_count


def squared(value: int) -> tuple[int, int]:
    return value * value, os.getpid()


def refuses_seven(value: int) -> int:
    if value == 7:
        raise ValueError(f"value={value} is not liked")
    return value


@pytest.mark.parametrize(("workers", "processes"), [(0, 1), (1, 1), (3, 3), (8, 3)])
def test_results_come_in_the_order_of_the_items(workers: int, processes: int) -> None:
    results = map_parallel(squared, range(50), workers)
    assert [value for value, _ in results] == [value * value for value in range(50)]
    assert len({process for _, process in results}) == processes
    assert (os.getpid() in {process for _, process in results}) == (processes == 1)


@pytest.mark.parametrize("workers", [0, 2])
def test_errors_are_raised_as_they_are(workers: int) -> None:
    with pytest.raises(ValueError, match="value=7 is not liked"):
        map_parallel(refuses_seven, range(50), workers)
    assert not multiprocessing.active_children()


def test_a_dead_worker_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr(parallel.multiprocessing, "get_context", lambda: fork)
    with pytest.raises(RuntimeError, match="num_workers=0"):
        map_parallel(lambda value: os._exit(3) if value == 30 else value, range(50), 2)
    assert not multiprocessing.active_children()


def test_nothing_to_do() -> None:
    assert map_parallel(squared, []) == []


def test_inside_a_daemon_nothing_is_started() -> None:
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=lambda: queue.put(worker_count(8, 1000)), daemon=True)
    process.start()
    assert queue.get(timeout=20) == 0
    process.join()
