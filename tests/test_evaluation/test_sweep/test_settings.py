from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmdymu.evaluation.sweep import SweepSettings


def test_every_preference_meets_every_cost_weight() -> None:
    settings = SweepSettings(preferences=3, cost_weights=(0, 1), seed=4)
    asked = settings.asked(("a", "b"))
    assert [preference.cost_weight for preference in asked] == [0.0, 1.0] * 3
    assert all(first.weights == second.weights for first, second in zip(asked[::2], asked[1::2], strict=True))
    assert len({preference.weights for preference in asked}) == 3
    assert asked == settings.asked(("a", "b"))
    assert asked != SweepSettings(preferences=3, cost_weights=(0, 1), seed=5).asked(("a", "b"))


def test_preferences_are_uniform_on_the_simplex() -> None:
    weights = np.array([p.weights for p in SweepSettings(preferences=2000).draw(("a", "b", "c"))])
    # P(r_1 > x) = (1 - x)^2 for the uniform distribution on the triangle.
    for x in (0.1, 0.3, 0.6):
        assert (weights > x).mean(axis=0) == pytest.approx([(1 - x) ** 2] * 3, abs=0.04)


def test_single_numbers_and_lists_are_taken() -> None:
    settings = SweepSettings(cost_weights=[0, 1], references=2)
    assert (settings.cost_weights, settings.references) == ((0.0, 1.0), (2.0,))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preferences": 0}, r"sweep\.preferences=0 must be a whole number, at least 1"),
        ({"preferences": 2.5}, r"sweep\.preferences=2\.5"),
        ({"preferences": True}, r"sweep\.preferences=True"),
        ({"seed": None}, r"sweep\.seed=None must be a whole number, at least 0"),
        ({"runs_per_pass": 0}, r"sweep\.runs_per_pass=0"),
        ({"oracle_images": -1}, r"sweep\.oracle_images=-1"),
        ({"cost_weights": (0, 1.5)}, r"sweep\.cost_weights=\(0, 1\.5\) must be numbers in \[0, 1\]"),
        ({"cost_weights": ()}, r"sweep\.cost_weights=\(\)"),
        ({"cost_weights": (1, 0)}, r"must ascend"),
        ({"cost_weights": ("a",)}, r"sweep\.cost_weights"),
        ({"references": (float("nan"),)}, r"sweep\.references"),
        ({"cache_gib": -1}, r"sweep\.cache_gib=-1"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SweepSettings(**changes)
