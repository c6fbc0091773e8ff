from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mmdymu import Budget
from mmdymu.budget import BUDGET_KINDS


@pytest.mark.parametrize("kind", BUDGET_KINDS)
@pytest.mark.parametrize("limit", [3, 2.5, np.float32(2.5), np.int64(7)])
def test_a_dict_of_one_kind_is_a_budget(kind: str, limit: Any) -> None:
    budget = Budget.parse({kind: limit})
    assert budget == Budget(kind, float(limit))
    assert type(budget.limit) is float
    assert Budget.parse(budget) is budget
    assert Budget.parse(budget.to_dict()) == budget


def test_none_is_no_budget() -> None:
    assert Budget.parse(None) is None


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (Budget("flops", 1.2e8), "at most 0.12 GFLOPs (multiply-adds)"),
        (Budget("params", 3.456e6), "at most 3.456 M parameters"),
        (Budget("latency_ms", 20), "at most 20 ms"),
    ],
)
def test_shows_its_unit(budget: Budget, text: str) -> None:
    assert str(budget) == text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"macs": 1e8}, r"unknown kind 'macs', use one of \['flops', 'params', 'latency_ms'\]"),
        ({1: 1e8}, "unknown kind 1"),
        ({"flops": 1e8, "params": 1e6}, r"has 2 kinds \['flops', 'params'\], give exactly one"),
        ({}, "is empty, give exactly one"),
        ({"flops": -1.0}, r"budget.flops=-1.0 must be a positive, finite number"),
        ({"flops": 0}, "budget.flops=0 must"),
        ({"params": math.nan}, "budget.params=nan must"),
        ({"latency_ms": math.inf}, "budget.latency_ms=inf must"),
        ({"flops": "1e8"}, "budget.flops='1e8' must"),
        ({"flops": None}, "budget.flops=None must"),
        ({"flops": True}, "budget.flops=True must"),
        ({"flops": [1e8]}, r"budget.flops=\[100000000.0\] must"),
        (1e8, "budget=100000000.0 must be a dict"),
        ("flops=1e8", "budget='flops=1e8' must be a dict"),
        ([("flops", 1e8)], "must be a dict"),
    ],
)
def test_bad_input_is_named(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Budget.parse(value)
