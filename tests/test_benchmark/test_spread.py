from __future__ import annotations

import math

import numpy as np
import pytest

from mmdymu.benchmark.spread import spread_of, spreads_of


def test_mean_and_sample_deviation() -> None:
    values = [1.0, 2.0, 4.0]
    spread = spread_of(values)
    assert spread.mean == pytest.approx(np.mean(values))
    assert spread.std == pytest.approx(math.sqrt(sum((v - 7 / 3) ** 2 for v in values) / 2))
    assert spread.text(2) == "2.33 ± 1.53"
    assert spread.text(1, 0.001, sign=True) == "+2,333.3 ± 1,527.5"


def test_one_seed_is_marked_and_none_is_a_dash() -> None:
    one = spread_of([None, 0.5, math.nan])
    assert (one.n, one.text(3)) == (1, "0.500 ¹")
    assert math.isnan(one.std)
    assert spread_of([]).text(3) == "–"


def test_rows_may_lack_entries() -> None:
    found = spreads_of([{"a": 1.0, "b": 2.0}, {"a": 3.0}])
    assert (found["a"].mean, found["a"].n) == (2.0, 2)
    assert (found["b"].mean, found["b"].n) == (2.0, 1)
