"""Results in order, few at a time, from any number of processes."""

from __future__ import annotations

import copy
import os
import pickle
import time

import pytest

from mmdymu.evaluation.metrics.ordered_pool import JOBS_A_WORKER, OrderedPool


def later(value: int) -> tuple[int, int]:
    """Jobs that were given last are done first."""
    time.sleep(0.01 * max(3 - value, 0))
    return value, os.getpid()


def fail(value: int) -> int:
    raise ValueError(f"no {value}")


def die() -> None:
    os._exit(3)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_results_come_in_order_and_few_wait(workers: int) -> None:
    pool, results = OrderedPool(workers), []
    for value in range(12):
        results += pool.submit(later, value)
        assert len(pool) <= JOBS_A_WORKER * workers
        assert len(results) + len(pool) == value + 1
    results += pool.drain()
    assert [value for value, _ in results] == list(range(12))
    assert len(pool) == 0
    processes = {process for _, process in results}
    assert processes == {os.getpid()} if workers == 0 else os.getpid() not in processes


def test_copied_and_pickled_before_and_after_use() -> None:
    pool = OrderedPool(1)
    for _ in range(2):
        twin = pickle.loads(pickle.dumps(copy.deepcopy(pool)))
        assert [*twin.submit(later, 3), *twin.drain()][0][0] == 3
        assert [*pool.submit(later, 4), *pool.drain()][0][0] == 4


def test_copies_share_their_processes_until_the_last_is_drained() -> None:
    pool = OrderedPool(1)
    twin = copy.deepcopy(pool)
    results = []
    for value in range(5):
        results += pool.submit(later, value)
        results += twin.submit(later, value)
    results += pool.drain()
    results += twin.submit(later, 5)
    pickle.dumps(pool)
    results += twin.drain()
    assert sorted(value for value, _ in results) == [*sorted([*range(5)] * 2), 5]
    assert len({process for _, process in results}) == 1


@pytest.mark.parametrize("workers", [0, 1])
def test_errors_arrive_as_they_are_and_end_the_pool(workers: int) -> None:
    pool = OrderedPool(workers)
    with pytest.raises(ValueError, match="no 5"):
        [*pool.submit(fail, 5), *pool.drain()]
    assert [*pool.submit(later, 3), *pool.drain()][0][0] == 3, "usable again"


def test_a_dead_worker_is_told() -> None:
    pool = OrderedPool(1)
    with pytest.raises(RuntimeError, match=r"worker process died.*num_workers=0"):
        [*pool.submit(die), *pool.drain()]


def test_number_of_processes_is_checked() -> None:
    with pytest.raises(ValueError, match="num_workers=-1 must be 0"):
        OrderedPool(-1)
