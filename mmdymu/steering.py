"""What a config asks of a controllable network. Without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .budget import Budget
from .preference import Preference

__all__ = ["read_steering"]


def read_steering(
    config: Mapping[str, Any], tasks: Sequence[str], *, quiet: bool = False
) -> tuple[Preference, Budget | None]:
    """Reads ``pref`` (unset: all tasks alike), ``cost_weight`` (unset: 0) and ``budget`` (unset: none).

    Args:
        config: A runner config, or any mapping with these keys.
        tasks: The model's tasks.
        quiet: Leave out the line that tells how weights are normalised.

    Returns:
        The preference with the cost weight, and the budget.

    Raises:
        ValueError: If one is malformed (:meth:`Preference.parse`, :meth:`Budget.parse`), or there is a cost weight
            above 0 beside a budget.
    """
    budget = Budget.parse(config.get("budget"))
    cost_weight = config.get("cost_weight", 0.0)
    pref = Preference.uniform(tasks).weights if config.get("pref") is None else config["pref"]
    preference = Preference.parse(pref, cost_weight=cost_weight, tasks=tasks, quiet=quiet)
    if budget is not None and preference.cost_weight:
        raise ValueError(
            f"cost_weight={cost_weight!r} and budget={budget.to_dict()} exclude each other: give one of the two"
        )
    return preference, budget
