"""What a config asks of a network."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmdymu import Budget, Preference
from mmdymu.steering import read_steering

TASKS = ("semseg", "depth")


@pytest.mark.parametrize(
    ("config", "weights", "cost_weight", "budget"),
    [
        ({}, (0.5, 0.5), 0.0, None),
        ({"pref": None, "budget": None}, (0.5, 0.5), 0.0, None),
        ({"pref": [1, 3], "cost_weight": 0.5}, (0.25, 0.75), 0.5, None),
        ({"pref": {"depth": 1}, "budget": {"flops": 1e8}}, (0, 1), 0.0, Budget("flops", 1e8)),
    ],
)
@pytest.mark.parametrize("kind", [dict, Config])
def test_what_is_asked(
    config: dict[str, Any], weights: tuple[float, ...], cost_weight: float, budget: Budget | None, kind: type
) -> None:
    assert read_steering(kind(config), TASKS) == (Preference(TASKS, weights, cost_weight), budget)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"pref": [1, 1, 1]}, "pref=.* has 3 entries for 2 tasks"),
        ({"cost_weight": -1}, r"cost_weight must be a number in \[0, 1\], got -1"),
        ({"budget": {"macs": 1}}, "unknown kind 'macs'"),
        ({"budget": {"flops": 1e8}, "cost_weight": 0.5}, "cost_weight=0.5 and budget=.* exclude each other"),
    ],
)
def test_refuses(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_steering(config, TASKS)


@pytest.mark.parametrize("quiet", [True, False])
def test_tells_of_normalised_weights_unless_asked_not_to(quiet: bool, caplog: pytest.LogCaptureFixture) -> None:
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.INFO):
            read_steering({"pref": [2, 2]}, TASKS, quiet=quiet)
    finally:
        logger.removeHandler(caplog.handler)
    assert ("pref" in caplog.text) is not quiet
