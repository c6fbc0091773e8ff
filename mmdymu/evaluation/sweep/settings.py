"""What a preference sweep measures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mmdymu.budget import Budget
from mmdymu.preference import Preference

__all__ = ["Saving", "SweepSettings"]


@dataclass(frozen=True)
class Saving:
    """One way to ask for a cheaper network: a cost weight, or a hard budget.

    Attributes:
        cost_weight: In [0, 1]; 0 with a budget.
        budget: The limit, or None.
    """

    cost_weight: float = 0.0
    budget: Budget | None = None

    @property
    def entry(self) -> dict[str, Any]:
        """How a sweep's files name it."""
        return {"cost_weight": self.cost_weight} if self.budget is None else {"budget": self.budget.to_dict()}


@dataclass(frozen=True)
class SweepSettings:
    """What a preference sweep measures.

    Attributes:
        preferences: Number of preferences, drawn uniformly from the simplex; or the preferences themselves, each one
            number per task.
        cost_weights: Values of c, ascending; every preference is tested with each. Empty if there are budgets.
        budgets: Hard budgets of one kind, ascending, in place of cost weights.
        seed: Of the drawn preferences.
        references: Reference points of the hypervolume, in normalised losses: a number for all tasks.
        oracle_images: Test images for the path table of the oracle; 0 leaves the oracle out.
        curve_preferences: Preferences whose mean cost is computed, without images.
        runs_per_pass: Networks that are evaluated together; results are written after every pass.
        cache_gib: Test images and labels stay in memory between passes up to that size, else they are loaded anew.
        single: Folder, or sweep.jsonl, of another sweep of the same data, whose single-task nets losses are divided by,
            in place of the model's own anchor. None: the own anchor.

    Raises:
        ValueError: If a number is out of range.
    """

    preferences: int | tuple[tuple[float, ...], ...] = 20
    cost_weights: tuple[float, ...] = (0.0, 0.5, 1.0)
    budgets: tuple[Budget, ...] = ()
    seed: int = 0
    references: tuple[float, ...] = (2.0, 3.0)
    oracle_images: int = 0
    curve_preferences: int = 1000
    runs_per_pass: int = 12
    cache_gib: float = 4.0
    single: str | None = None

    def __post_init__(self) -> None:
        """Validates, and turns sequences into tuples."""
        if not isinstance(self.preferences, int):
            object.__setattr__(self, "preferences", _given_preferences(self.preferences))
        object.__setattr__(self, "budgets", _budgets(self.budgets))
        weights = () if self.budgets else _numbers("cost_weights", self.cost_weights, 0, 1)
        object.__setattr__(self, "cost_weights", weights)
        object.__setattr__(self, "references", _numbers("references", self.references, 0, math.inf))
        if list(self.cost_weights) != sorted(set(self.cost_weights)):
            raise ValueError(f"sweep.cost_weights={list(self.cost_weights)} must ascend")
        leasts = {"seed": 0, "oracle_images": 0, "curve_preferences": 1, "runs_per_pass": 1}
        for name, least in {**leasts, **({"preferences": 1} if self.given_preferences is None else {})}.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"sweep.{name}={value!r} must be a whole number, at least {least}")
        if not self.cache_gib >= 0:
            raise ValueError(f"sweep.cache_gib={self.cache_gib!r} must not be negative")

    @classmethod
    def from_config(cls, config: Mapping[str, Any] | None) -> SweepSettings:
        """Settings of a config's dictionary; None means the default.

        Raises:
            ValueError: If a setting is unknown or out of range.
        """
        known = [field.name for field in fields(cls)]
        unknown = [name for name in config or {} if name not in known]
        if unknown:
            raise ValueError(f"sweep has no setting {unknown[0]!r}, only {known}")
        given = {name: value for name, value in (config or {}).items() if value is not None}
        if given.get("budgets") and "cost_weights" in given:
            found = f"cost_weights={given['cost_weights']!r} and budgets={given['budgets']!r}"
            raise ValueError(f"sweep has {found}: give one of the two")
        return cls(**given)

    @property
    def given_preferences(self) -> tuple[tuple[float, ...], ...] | None:
        """The preferences that are listed; None where they are drawn."""
        return self.preferences if isinstance(self.preferences, tuple) else None

    @property
    def count(self) -> int:
        """Number of preferences."""
        return len(self.preferences) if isinstance(self.preferences, tuple) else self.preferences

    def draw(self, tasks: Sequence[str], count: int | None = None) -> list[Preference]:
        """Preferences with cost weight 0: those that are tested, or ``count`` that are uniform on the simplex.

        Raises:
            ValueError: If a listed preference does not have one number per task.
        """
        if count is None and self.given_preferences is not None:
            return [Preference.parse(list(weights), tasks=tasks) for weights in self.given_preferences]
        rng = np.random.default_rng(self.seed)
        return [Preference.sample(tasks, rng, cost_weight=0.0) for _ in range(count or self.count)]

    @property
    def savings(self) -> tuple[Saving, ...]:
        """What every preference is tested with."""
        return tuple(Saving(budget=budget) for budget in self.budgets) or tuple(map(Saving, self.cost_weights))

    def asked(self, tasks: Sequence[str]) -> list[tuple[Preference, Saving]]:
        """All that is tested: every preference with every cost weight or budget, those next to each other."""
        return [
            (Preference(r.tasks, r.weights, saving.cost_weight), saving)
            for r in self.draw(tasks)
            for saving in self.savings
        ]


def _budgets(values: Any) -> tuple[Budget, ...]:
    if isinstance(values, str | Mapping | Budget) or not isinstance(values, Sequence):
        raise ValueError(f"sweep.budgets={values!r} must be a list, such as [dict(flops=1e8), dict(flops=1.2e8)]")
    budgets = [budget for value in values if (budget := Budget.parse(value)) is not None]
    limits = [budget.limit for budget in budgets]
    if len({budget.kind for budget in budgets}) > 1 or len(budgets) < len(values) or limits != sorted(set(limits)):
        raise ValueError(f"sweep.budgets={values!r} must be of one kind and ascend")
    return tuple(budgets)


def _given_preferences(values: Any) -> tuple[tuple[float, ...], ...]:
    message = (
        f"sweep.preferences={values!r} must be a whole number, or a list of different preferences with one number "
    )
    if not isinstance(values, list | tuple) or not values or not all(isinstance(row, list | tuple) for row in values):
        raise ValueError(f"{message}per task, such as [[1, 0, 0], [0.6, 0.3, 0.1]]")
    fit = all(isinstance(x, int | float) and math.isfinite(x) and x >= 0 for row in values for x in row)
    rows = tuple(tuple(map(float, row)) for row in values) if fit else ()
    alike = len({len(row) for row in rows}) == 1 and len(set(rows)) == len(rows)
    if not alike or not all(sum(row) > 0 for row in rows):
        raise ValueError(f"{message}per task, not negative, not all 0")
    return rows


def _numbers(name: str, values: Any, low: float, high: float) -> tuple[float, ...]:
    numbers = (values,) if isinstance(values, int | float) else tuple(values)
    fit = all(isinstance(value, int | float) and low <= value <= high and math.isfinite(value) for value in numbers)
    if not numbers or not fit:
        raise ValueError(f"sweep.{name}={values!r} must be numbers in [{low}, {high}]")
    return tuple(map(float, numbers))
