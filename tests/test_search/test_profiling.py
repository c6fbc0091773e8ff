from __future__ import annotations

import copy
import time
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from torch import nn

from mmdymu import BranchingTree
from mmdymu.search import profiling
from mmdymu.search.profiling import ProfileSettings, drawn_trees, latency_error, measure_profile, robust_line
from mmdymu.search.stopwatch import PartTimes, run_ms

QUICK = {"trees": 3, "rounds": 3}


class Slow(nn.Module):
    """Sleeps in place of computing."""

    def __init__(self, milliseconds: float) -> None:
        super().__init__()
        self.milliseconds = milliseconds

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(self.milliseconds / 1e3)
        return x


def test_parts_are_timed_where_they_run() -> None:
    parts = {"a": Slow(4.0), "b": Slow(1.0)}
    network = nn.Sequential(parts["a"], parts["b"], parts["a"])
    watch = PartTimes(parts, torch.device("cpu"))
    with watch.watching():
        whole = run_ms(lambda: network(torch.zeros(1)), torch.device("cpu"))
    found = watch.take()
    assert [name for name, _ in found] == ["a", "b", "a"]
    assert all(ms >= parts[name].milliseconds for name, ms in found)
    assert sum(ms for _, ms in found) <= whole
    network(torch.zeros(1))  # nobody watches any more
    assert watch.take() == []


def test_finds_out_which_parts_are_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.build_model(stream=tiny.SHORT)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    slow = Slow(8.0)

    def slowed(original: Any) -> Any:
        copy = original_copy(original)
        for stream in copy.backbone.streams:
            stream.nodes[1].forward = lambda x, forward=stream.nodes[1].forward: slow(forward(x))
        head = copy.heads["depth"]
        head.forward = lambda x, forward=head.forward: slow(forward(x))
        return copy

    original_copy = profiling.fused_copy
    monkeypatch.setattr(profiling, "fused_copy", slowed)
    threads = torch.get_num_threads()
    found = measure_profile(model, ProfileSettings(**QUICK, threads=1))
    assert torch.get_num_threads() == threads
    assert found.node_ms[1] > 2 * max(found.node_ms[0], found.node_ms[2])
    assert found.head_ms[1] > 2 * max(found.head_ms[0], found.head_ms[2])
    about = found.about
    assert (found.size, found.device, about["threads"], about["batch"]) == (tiny.SIZE, "cpu", 1, 1)
    assert {"date", "versions", "device_name", "load", "scale"} <= set(about)
    error = about["error"]
    assert len(error["predicted_ms"]) == len(error["measured_ms"]) == 3
    assert all(ms > 16 for ms in error["measured_ms"])  # one slow node at least, and the slow head
    # Sleeping does not suffer from a busy machine as computing does.
    assert error["mean_percent"] < 25
    assert error["mean_percent"] <= error["worst_percent"]
    assert all(torch.equal(value.nan_to_num(), state[name].nan_to_num()) for name, value in model.state_dict().items())


def test_size_and_batch_are_those_that_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: set[tuple[int, ...]] = set()
    monkeypatch.setattr(profiling, "fused_copy", copy.deepcopy)
    model = tiny.build_model(("semseg", "depth"), stream=tiny.SHORT).eval()
    run_tree = type(model).run_tree
    monkeypatch.setattr(
        type(model), "run_tree", lambda self, x, *rest: shapes.add(tuple(x.shape)) or run_tree(self, x, *rest)
    )
    found = measure_profile(model, ProfileSettings(size=(64, 32), batch=2, trees=1, rounds=1))
    assert (found.size, found.about["batch"], shapes) == ((64, 32), 2, {(2, 3, 64, 32)})


@pytest.mark.parametrize(("tasks", "layers"), [(1, 2), (2, 3), (5, 8)])
def test_drawn_trees_cover_what_trees_cost(tasks: int, layers: int) -> None:
    trees = drawn_trees(tasks, layers, 24, seed=0)
    used = [tree.num_used for tree in trees]
    assert len(trees) == 24
    assert used == sorted(used)
    assert used[0] == layers
    assert used[-1] >= 0.8 * tasks * layers
    assert trees == drawn_trees(tasks, layers, 24, seed=0)
    assert tasks == 1 or len(set(used)) > layers


def test_a_line_through_noise() -> None:
    rng = np.random.default_rng(0)
    sums = rng.uniform(5, 20, size=12)
    wholes = 1.5 * sums + 2.0
    wholes[[2, 7]] *= 3  # two disturbed ones
    assert robust_line(sums, wholes) == pytest.approx((1.5, 2.0))
    # No negative overhead, and no slope where all trees cost the same.
    scale, overhead = robust_line(sums, 1.5 * sums - 1.0)
    assert overhead == 0
    assert 1.2 < scale < 1.5
    assert robust_line([3.0, 3.0, 3.0], [6.0, 6.0, 9.0]) == (2.0, 0.0)


def test_the_error_is_relative_to_what_was_measured() -> None:
    model = tiny.build_model(stream=tiny.SHORT)
    profile = measure_profile(model, ProfileSettings(trees=1, rounds=1))
    trees = [BranchingTree.shared(3, 3, 0), BranchingTree.separate(3, 3)]
    measured = [profile.latency_ms(trees[0]) / 1.1, profile.latency_ms(trees[1]) / 0.8]
    error = latency_error(profile, trees, measured)
    assert error["mean_percent"] == pytest.approx(15)
    assert error["worst_percent"] == pytest.approx(20)
    assert error["measured_ms"] == measured


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": (0, 32)}, r"size=\(0, 32\) must be height and width"),
        ({"size": (32,)}, "size"),
        ({"batch": 0}, "batch=0 must be at least 1"),
        ({"threads": -1}, "threads=-1"),
        ({"rounds": 0}, "rounds=0"),
        ({"trees": 0}, "trees=0"),
        ({"device": "tpu"}, "device='tpu' must be 'cpu', 'cuda' or 'cuda:N'"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ProfileSettings(**changes)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_told() -> None:
    with pytest.raises(ValueError, match="device='cuda', but torch finds no GPU"):
        ProfileSettings(device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu() -> None:
    model = tiny.build_model(stream=tiny.SHORT)
    found = measure_profile(model, ProfileSettings(**QUICK, device="cuda"))
    assert found.device == "cuda"
    assert min(*found.node_ms, *found.head_ms) > 0
    assert next(model.parameters()).device.type == "cpu"
