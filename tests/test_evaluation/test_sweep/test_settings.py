from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmdymu import Budget
from mmdymu.evaluation.sweep import Saving, SweepSettings


def test_every_preference_meets_every_cost_weight() -> None:
    settings = SweepSettings(preferences=3, cost_weights=(0, 1), seed=4)
    asked = [preference for preference, _ in settings.asked(("a", "b"))]
    assert [preference.cost_weight for preference in asked] == [0.0, 1.0] * 3
    assert [saving for _, saving in settings.asked(("a", "b"))] == [Saving(0.0), Saving(1.0)] * 3
    assert all(first.weights == second.weights for first, second in zip(asked[::2], asked[1::2], strict=True))
    assert len({preference.weights for preference in asked}) == 3
    assert asked == [preference for preference, _ in settings.asked(("a", "b"))]
    other = SweepSettings(preferences=3, cost_weights=(0, 1), seed=5).asked(("a", "b"))
    assert asked != [preference for preference, _ in other]


def test_budgets_take_the_place_of_cost_weights() -> None:
    settings = SweepSettings.from_config({"preferences": 2, "budgets": [{"flops": 1}, {"flops": 2.5}]})
    assert settings.cost_weights == ()
    asked = settings.asked(("a", "b"))
    assert [saving.budget for _, saving in asked] == [Budget("flops", 1), Budget("flops", 2.5)] * 2
    assert all(preference.cost_weight == 0 for preference, _ in asked)
    assert [preference.weights for preference, _ in asked[::2]] == [r.weights for r in settings.draw(("a", "b"))]
    assert [saving.entry for saving in settings.savings] == [{"budget": {"flops": 1.0}}, {"budget": {"flops": 2.5}}]
    assert SweepSettings().savings[1].entry == {"cost_weight": 0.5}


def test_preferences_are_uniform_on_the_simplex() -> None:
    weights = np.array([p.weights for p in SweepSettings(preferences=2000).draw(("a", "b", "c"))])
    # P(r_1 > x) = (1 - x)^2 for the uniform distribution on the triangle.
    for x in (0.1, 0.3, 0.6):
        assert (weights > x).mean(axis=0) == pytest.approx([(1 - x) ** 2] * 3, abs=0.04)


def test_listed_preferences_take_the_place_of_drawn_ones() -> None:
    settings = SweepSettings(preferences=[[1, 0], [1, 3]], cost_weights=(0, 1))
    assert settings.given_preferences == ((1.0, 0.0), (1.0, 3.0))
    assert [p.weights for p in settings.draw(("a", "b"))] == [(1.0, 0.0), (0.25, 0.75)]
    assert [p.cost_weight for p, _ in settings.asked(("a", "b"))] == [0.0, 1.0] * 2
    assert settings.draw(("a", "b"), 7) == SweepSettings(preferences=7).draw(("a", "b")), "the cost curve is drawn"
    assert (settings.count, SweepSettings(preferences=7).count) == (2, 7)
    assert SweepSettings().given_preferences is None
    with pytest.raises(ValueError, match="pref"):
        settings.draw(("a", "b", "c"))


def test_single_numbers_and_lists_are_taken() -> None:
    settings = SweepSettings(cost_weights=[0, 1], references=2)
    assert (settings.cost_weights, settings.references) == ((0.0, 1.0), (2.0,))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preferences": 0}, r"sweep\.preferences=0 must be a whole number, at least 1"),
        ({"preferences": 2.5}, r"sweep\.preferences=2\.5"),
        ({"preferences": True}, r"sweep\.preferences=True"),
        ({"preferences": []}, r"sweep\.preferences=\[\] must be a whole number, or a list of different"),
        ({"preferences": [1, 2]}, r"sweep\.preferences=\[1, 2\]"),
        ({"preferences": [[1, 0], [1, 0, 0]]}, "with one number per task"),
        ({"preferences": [[1, 0], [1.0, 0.0]]}, "list of different preferences"),
        ({"preferences": [[1, -1]]}, "not negative"),
        ({"preferences": [[0, 0]]}, "not all 0"),
        ({"preferences": [[float("nan"), 1]]}, r"sweep\.preferences"),
        ({"preferences": [["a", 1]]}, r"sweep\.preferences"),
        ({"seed": None}, r"sweep\.seed=None must be a whole number, at least 0"),
        ({"runs_per_pass": 0}, r"sweep\.runs_per_pass=0"),
        ({"oracle_images": -1}, r"sweep\.oracle_images=-1"),
        ({"cost_weights": (0, 1.5)}, r"sweep\.cost_weights=\(0, 1\.5\) must be numbers in \[0, 1\]"),
        ({"cost_weights": ()}, r"sweep\.cost_weights=\(\)"),
        ({"cost_weights": (1, 0)}, r"must ascend"),
        ({"cost_weights": ("a",)}, r"sweep\.cost_weights"),
        ({"references": (float("nan"),)}, r"sweep\.references"),
        ({"cache_gib": -1}, r"sweep\.cache_gib=-1"),
        ({"budgets": "flops=1"}, r"sweep\.budgets='flops=1' must be a list"),
        ({"budgets": {"flops": 1}}, r"sweep\.budgets=.* must be a list"),
        ({"budgets": [{"flops": 2}, {"flops": 1}]}, "must be of one kind and ascend"),
        ({"budgets": [{"flops": 1}, {"params": 2}]}, "must be of one kind and ascend"),
        ({"budgets": [{"flops": 1}, None]}, "must be of one kind and ascend"),
        ({"budgets": [{"macs": 1}]}, "unknown kind 'macs'"),
        ({"budgets": [{"flops": -1}]}, r"budget\.flops=-1 must be a positive"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SweepSettings(**changes)


def test_none_is_the_default() -> None:
    assert SweepSettings.from_config({"cost_weights": None, "budgets": None, "seed": 3}) == SweepSettings(seed=3)


def test_cost_weights_and_budgets_exclude_each_other() -> None:
    with pytest.raises(ValueError, match=r"cost_weights=\[0, 1\] and budgets=\[.*\]: give one of the two"):
        SweepSettings.from_config({"cost_weights": [0, 1], "budgets": [{"flops": 1}]})
