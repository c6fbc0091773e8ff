from __future__ import annotations

from mmdymu.benchmark.training_log import TrainingState, training_seconds, training_state


def line(seconds: int, text: str) -> str:
    return f"2026/01/02 10:{seconds // 60:02d}:{seconds % 60:02d} - mmengine - INFO - {text}"


def iteration(number: int, eta: str = "0:00:09") -> str:
    return f"Iter(train) [{number:5d}/100]  lr: 1.0000e-03  eta: {eta}  time: 0.5  loss: 1.0"


START = "stage anchor: iterations 0 to 60"


def test_a_whole_run_counts_from_its_first_stage_to_its_last_iteration() -> None:
    log = [
        line(0, "loading"),
        line(5, START),
        line(30, iteration(50)),
        line(36, "Saving checkpoint at 60 iterations"),
        line(37, "stage edges: iterations 0 to 40"),
        line(80, "path table: 3 of 9, 5 s left"),
        line(95, iteration(100)),
        line(99, "done"),
    ]
    assert training_seconds(["\n".join(log)]) == 90


def test_iterations_that_were_done_twice_count_once() -> None:
    first = [line(0, START), line(20, iteration(20)), line(21, "Saving checkpoint at 20 iterations"),
             line(40, iteration(40)), line(55, iteration(55))]  # fmt: skip
    second = [line(100, "resumed epoch: 0, iter: 20"), line(104, "stage anchor: iterations 20 to 60"),
              line(124, iteration(40)), line(144, iteration(60))]  # fmt: skip
    assert training_seconds(["\n".join(first), "\n".join(second)]) == 21 + 40
    # A last start that finds nothing to do adds nothing, and one that was killed at once neither.
    idle = [line(200, "resumed epoch: 0, iter: 60")]
    killed = [line(90, START)]
    logs = ["\n".join(log) for log in (first, killed, second, idle)]
    assert training_seconds(logs) == 61


def test_a_log_without_times_tells_nothing() -> None:
    assert training_seconds([]) is None
    assert training_seconds(["no line of a training\n"]) is None


def test_the_state_is_that_of_the_last_lines() -> None:
    log = [line(0, "loading")]
    assert str(training_state("\n".join(log))) == "starting"
    log.append(line(1, START))
    assert str(training_state("\n".join(log))) == "stage anchor, being prepared"
    log.append(line(2, iteration(50, "0:01:02")))
    assert training_state("\n".join(log)) == TrainingState("anchor", 50, 100, "0:01:02")
    assert str(training_state("\n".join(log))) == "stage anchor, iteration 50 of 100, 0:01:02 left of the stage"
    log.append(line(3, iteration(55, "1 day, 2:03:04")))
    assert training_state("\n".join(log)).left == "1 day, 2:03:04"
    log.append(line(4, "stage edges: iterations 0 to 40"))
    assert str(training_state("\n".join(log))) == "stage edges, iteration 55 of 100, being prepared"
