from __future__ import annotations

import dataclasses
import logging
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmdymu.preference import Preference

TASKS = ("semseg", "depth", "normals")


@pytest.mark.parametrize(
    "value",
    [
        [0.5, 0.2, 0.3],
        (0.5, 0.2, 0.3),
        np.array([0.5, 0.2, 0.3]),
        torch.tensor([0.5, 0.2, 0.3], dtype=torch.float64, requires_grad=True),
        [np.float64(0.5), torch.tensor(0.2, dtype=torch.float64), Fraction(3, 10)],
        {"normals": 0.3, "semseg": 0.5, "depth": 0.2},
        Config(dict(pref=dict(normals=0.3, semseg=0.5, depth=0.2))).pref,
    ],
)
def test_parse_reads_every_form(value: Any) -> None:
    preference = Preference.parse(value, cost_weight=0.8, tasks=list(TASKS))
    assert preference == Preference(TASKS, (0.5, 0.2, 0.3), 0.8)
    assert all(type(weight) is float for weight in preference.weights)


def test_unnamed_tasks_get_zero() -> None:
    assert Preference.parse({"depth": 2}, tasks=TASKS).weights == (0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    "value",
    [
        [1, 1],
        [1, 1, 1, 1],
        [],
        [0.5, -0.1, 0.6],
        [float("nan"), 1, 1],
        [float("inf"), 1, 1],
        [10**400, 1, 1],
        [0, 0, 0],
        {},
        {"semseg": 0},
        {"colour": 1.0},
        {0: 1.0},
        {"semseg": "0.5"},
        None,
        "[0.5,0.2,0.3]",
        "abc",
        b"abc",
        ["1/3", "1/3", "1/3"],
        [None, 1, 1],
        [[0.5], [0.2], [0.3]],
        [[0.5, 0.2, 0.3]],
        np.ones((3, 1)),
        torch.ones(1, 3),
        [True, False, False],
        np.array([True, False, False]),
        torch.tensor([True, False, False]),
        [1j, 1, 1],
        {1, 2, 3},
        0.5,
        np.float64(0.5),
    ],
)
def test_bad_pref_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match="pref=") as caught:
        Preference.parse(value, tasks=TASKS)
    assert all(task in str(caught.value) for task in TASKS)
    assert repr(value)[:20] in str(caught.value)


@pytest.mark.parametrize("cost_weight", [1.5, -0.1, float("nan"), float("inf"), "0.5", None, True, [0.5]])
def test_bad_cost_weight_is_refused_by_name(cost_weight: Any) -> None:
    with pytest.raises(ValueError, match="cost_weight must be a number in"):
        Preference.parse([1, 1, 1], cost_weight=cost_weight, tasks=TASKS)
    with pytest.raises(ValueError, match="cost_weight"):
        Preference(TASKS, (1.0, 0.0, 0.0), cost_weight)


@pytest.mark.parametrize("tasks", [(), "semseg", ("a", "a"), ("a", 1), None, ("a", "")])
def test_bad_tasks_are_refused_by_name(tasks: Any) -> None:
    with pytest.raises(ValueError, match="tasks must be"):
        Preference.parse([1], tasks=tasks)


def test_constructor_wants_a_simplex_point() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        Preference(("a", "b"), (0.5, 0.6))
    assert Preference(["a", "b"], [0.5, 0.5]).weights == (0.5, 0.5)  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Preference(("a",), (1.0,)).cost_weight = 0.3  # type: ignore[misc]


@pytest.mark.parametrize("value", [[2, 1, 1], [1e308, 1e308, 1e308], [5e-324, 0, 0], [1e-9, 2e-9, 0]])
def test_weights_are_normalised(value: list[float]) -> None:
    weights = Preference.parse(value, tasks=TASKS).weights
    assert sum(weights) == pytest.approx(1.0)
    assert np.allclose(np.array(weights) * max(value), np.array(value) * max(weights), rtol=1e-12)


def test_the_log_tells_of_normalisation() -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    try:
        Preference.parse([0.5, 0.2, 0.3], tasks=TASKS)
        Preference.parse(torch.tensor([0.2, 0.2, 0.6]), tasks=TASKS)
        assert lines == []
        Preference.parse([2, 1, 1], tasks=TASKS, quiet=True)
        assert lines == []
        Preference.parse([2, 1, 1], tasks=TASKS)
    finally:
        logger.removeHandler(handler)
    assert len(lines) == 1
    assert "normalised" in lines[0]
    assert "pref=[2, 1, 1]" in lines[0]


def test_parse_takes_a_preference_in_any_order() -> None:
    given = Preference.parse([0.5, 0.2, 0.3], cost_weight=0.4, tasks=TASKS)
    turned = Preference.parse(given, tasks=TASKS[::-1])
    assert turned == Preference(TASKS[::-1], (0.3, 0.2, 0.5), 0.4)
    assert Preference.parse(given, cost_weight=0.4, tasks=TASKS) == given
    with pytest.raises(ValueError, match="pref="):
        Preference.parse(given, tasks=("semseg", "depth", "edges"))
    with pytest.raises(ValueError, match="cost_weight"):
        Preference.parse(given, cost_weight=0.9, tasks=TASKS)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 20])
def test_uniform_and_samples_lie_on_the_simplex(count: int) -> None:
    tasks = [f"task{i}" for i in range(count)]
    assert Preference.uniform(tasks, 0.5).weights == (1 / count,) * count
    rng = np.random.default_rng(0)
    drawn = [Preference.sample(tasks, rng, concentration=0.2) for _ in range(50)]
    assert all(sum(item.weights) == pytest.approx(1.0) for item in drawn)
    assert len({item.cost_weight for item in drawn}) == 50
    assert all(any(item.active()) for item in drawn)


def test_sampling_follows_the_generator_and_the_concentration() -> None:
    first = Preference.sample(TASKS, np.random.default_rng(3))
    assert first == Preference.sample(TASKS, np.random.default_rng(3))
    rng = np.random.default_rng(0)
    flat, peaked = (
        np.mean([max(Preference.sample(TASKS, rng, concentration=a).weights) for _ in range(300)]) for a in (5.0, 0.2)
    )
    assert flat < 0.6 < 0.75 < peaked
    assert Preference.sample(TASKS, rng, cost_weight=0.25).cost_weight == 0.25
    with pytest.raises(ValueError, match="concentration"):
        Preference.sample(TASKS, rng, concentration=0.0)


def test_active_tasks() -> None:
    assert Preference.parse([0.19, 0.2, 0.61], tasks=TASKS).active() == (False, True, True)
    assert Preference.parse([0.5, 0.3, 0.2], tasks=TASKS).active(0.4) == (True, False, False)
    # In float32, 0.2 and 0.6 / 3 round to different sides.
    assert Preference.parse(torch.tensor([0.2, 0.2, 0.6]), tasks=TASKS).active() == (True, True, True)
    assert Preference.parse(np.array([0.2, 0.2, 0.6], np.float32), tasks=TASKS).active() == (True,) * 3


def test_active_is_never_empty() -> None:
    assert Preference.parse([0.4, 0.4, 0.2], tasks=TASKS).active(0.9) == (True, True, False)


def test_str_names_tasks_and_cost_weight() -> None:
    assert str(Preference(("a", "b"), (0.25, 0.75), 0.5)) == "a 0.25, b 0.75; cost weight 0.5"


def test_values_need_no_torch() -> None:
    code = (
        "import sys, types; sys.modules['torch'] = None; package = types.ModuleType('mmdymu'); "
        "package.__path__ = ['mmdymu']; sys.modules['mmdymu'] = package; "
        "logging = types.ModuleType('mmengine.logging'); logging.print_log = print; "
        "sys.modules['mmengine'] = types.ModuleType('mmengine'); sys.modules['mmengine.logging'] = logging; "
        "import mmdymu.preference, mmdymu.tree"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
