"""What a user asks for: how much each task and saving compute matter. A value, without torch."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from mmengine.logging import print_log

__all__ = ["ACTIVE_FRACTION", "ACTIVE_TOLERANCE", "Preference"]

#: A task is active from ``ACTIVE_FRACTION / num_tasks`` on (CVPR 2022 paper, section 4: tau).
ACTIVE_FRACTION = 0.6
#: Float32 rounds 0.2 and 0.6 / 3 to different sides; the comparison forgives that much.
ACTIVE_TOLERANCE = 1e-6
_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Preference:
    """Task weights on the simplex and a cost weight.

    Use :meth:`parse` for anything that a user wrote; the constructor takes weights that already sum to 1.

    Attributes:
        tasks: Task names; their order is the order of ``weights``.
        weights: One non-negative number per task (the paper's r), sum 1.
        cost_weight: How much saving compute matters, in [0, 1] (the paper's c).
    """

    tasks: tuple[str, ...]
    weights: tuple[float, ...]
    cost_weight: float = 0.0

    def __post_init__(self) -> None:
        """Validate and turn sequences into tuples."""
        tasks = _check_tasks(self.tasks)
        weights = tuple(_check_weights(self.weights, self.weights, tasks))
        if abs(math.fsum(weights) - 1.0) > _SUM_TOLERANCE:
            raise ValueError(f"weights must sum to 1, got {self.weights!r} for the tasks {tasks}")
        object.__setattr__(self, "tasks", tasks)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "cost_weight", _check_cost_weight(self.cost_weight))

    @classmethod
    def parse(cls, value: Any, *, cost_weight: float = 0.0, tasks: Sequence[str], quiet: bool = False) -> Preference:
        """Read a preference as users write it.

        Args:
            value: Numbers in task order (sequence, 1-D array or tensor), a dict by task name (unnamed tasks
                get 0), or a Preference over the same tasks in any order, which keeps its own cost weight.
                Weights that do not sum to 1 are normalised, with a line in the log.
            cost_weight: How much saving compute matters, in [0, 1].
            tasks: The known tasks; the result follows their order.
            quiet: Leave out that line.

        Returns:
            The preference over ``tasks``.

        Raises:
            ValueError: If ``value`` (called ``pref``) is not one non-negative finite number per task with a
                positive sum, if it names an unknown task, or if ``cost_weight`` is not a number in [0, 1].
        """
        known = _check_tasks(tasks)
        cost = _check_cost_weight(cost_weight)
        if isinstance(value, Preference):
            return _reorder(value, cost, known)
        numbers = _check_weights(_in_task_order(value, known), value, known)
        return cls(known, _normalise(numbers, value, known, quiet), cost)

    @classmethod
    def uniform(cls, tasks: Sequence[str], cost_weight: float = 0.0) -> Preference:
        """All tasks matter equally.

        Args:
            tasks: Task names.
            cost_weight: How much saving compute matters, in [0, 1].

        Returns:
            The preference with weights 1 / N.
        """
        known = _check_tasks(tasks)
        return cls(known, (1.0 / len(known),) * len(known), cost_weight)

    @classmethod
    def sample(
        cls,
        tasks: Sequence[str],
        rng: np.random.Generator,
        *,
        concentration: float = 1.0,
        cost_weight: float | None = None,
    ) -> Preference:
        """Draw a preference: weights from a symmetric Dirichlet distribution.

        Args:
            tasks: Task names.
            rng: Source of randomness.
            concentration: Of the Dirichlet distribution, positive; 1 is uniform on the simplex, the
                paper has 0.2.
            cost_weight: Fixed cost weight in [0, 1]; None draws it from U(0, 1).

        Returns:
            The drawn preference.
        """
        known = _check_tasks(tasks)
        if not (_is_number(concentration) and 0 < concentration < math.inf):
            raise ValueError(f"concentration must be a positive number, got {concentration!r}")
        weights = _unit_sum(rng.dirichlet([concentration] * len(known)).tolist())
        return cls(known, weights, float(rng.uniform()) if cost_weight is None else cost_weight)

    def active(self, threshold: float | None = None) -> tuple[bool, ...]:
        """Tell which tasks are active, that is, have a weight of at least ``threshold``.

        Args:
            threshold: The smallest weight of an active task; None means 0.6 / N. The most preferred tasks are
                active whatever the threshold, so that the set is never empty.

        Returns:
            One flag per task.
        """
        limit = ACTIVE_FRACTION / len(self.tasks) if threshold is None else threshold
        limit = min(limit, max(self.weights)) - ACTIVE_TOLERANCE
        return tuple(weight >= limit for weight in self.weights)

    def show_weights(self) -> str:
        """Show the weights alone, by task name: where a budget takes the place of the cost weight."""
        return ", ".join(f"{task} {weight:.3g}" for task, weight in zip(self.tasks, self.weights, strict=True))

    def __str__(self) -> str:
        """Show the weights by task name, and the cost weight."""
        return f"{self.show_weights()}; cost weight {self.cost_weight:.3g}"


def _check_tasks(tasks: Sequence[str]) -> tuple[str, ...]:
    names = () if isinstance(tasks, str) or not isinstance(tasks, Sequence) else tuple(tasks)
    named = all(isinstance(name, str) and name for name in names)
    if not names or not named or len(set(names)) < len(names):
        raise ValueError(f"tasks must be a non-empty sequence of unique names, got {tasks!r}")
    return names


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _check_cost_weight(value: Any) -> float:
    number = _plain(value)
    if not _is_number(number) or not 0.0 <= number <= 1.0:
        raise ValueError(f"cost_weight must be a number in [0, 1], got {value!r}")
    return float(number)


def _plain(value: Any) -> Any:
    """Turn arrays, tensors and their scalars into lists and Python numbers; leave the rest."""
    return value.tolist() if hasattr(value, "tolist") else value


def _refusal(value: Any, tasks: tuple[str, ...], reason: str) -> ValueError:
    return ValueError(
        f"pref={value!r} {reason}; expected {len(tasks)} non-negative numbers in the order {list(tasks)} "
        "or a dict by these names"
    )


def _in_task_order(value: Any, tasks: tuple[str, ...]) -> list[Any]:
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in tasks]
        if unknown:
            raise _refusal(value, tasks, f"names unknown tasks {unknown}")
        return [value.get(name, 0.0) for name in tasks]
    listed = _plain(value)
    if isinstance(listed, str | bytes) or not isinstance(listed, Sequence):
        raise _refusal(value, tasks, f"is a {type(value).__name__}")
    return list(listed)


def _check_weights(items: Sequence[Any], value: Any, tasks: tuple[str, ...]) -> list[float]:
    if len(items) != len(tasks):
        raise _refusal(value, tasks, f"has {len(items)} entries for {len(tasks)} tasks")
    numbers = [_plain(item) for item in items]
    if not all(_is_number(number) for number in numbers):
        raise _refusal(value, tasks, "has entries that are not numbers")
    try:
        weights = [float(number) for number in numbers]
    except OverflowError:
        weights = [math.inf]
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights):
        raise _refusal(value, tasks, "has negative, NaN or infinite entries")
    if not any(weights):
        raise _refusal(value, tasks, "is all zero")
    return weights


def _unit_sum(numbers: Sequence[float]) -> tuple[float, ...]:
    # Dividing by the largest first keeps the sum finite for any finite input.
    largest = max(numbers)
    scaled = [number / largest for number in numbers]
    total = math.fsum(scaled)
    return tuple(number / total for number in scaled)


def _normalise(numbers: list[float], value: Any, tasks: tuple[str, ...], quiet: bool) -> tuple[float, ...]:
    total = sum(numbers)
    if abs(total - 1.0) <= 1e-12:
        return tuple(numbers)
    weights = _unit_sum(numbers)
    if abs(total - 1.0) > _SUM_TOLERANCE and not quiet:
        shown = ", ".join(f"{task} {weight:.4g}" for task, weight in zip(tasks, weights, strict=True))
        print_log(f"pref={value!r} sums to {total:.6g} and is normalised to {shown}", "current", logging.INFO)
    return weights


def _reorder(value: Preference, cost_weight: float, tasks: tuple[str, ...]) -> Preference:
    if set(value.tasks) != set(tasks):
        raise _refusal(value, tasks, f"is over other tasks {list(value.tasks)}")
    if cost_weight not in (0.0, value.cost_weight):
        raise ValueError(
            f"cost_weight={cost_weight!r} contradicts pref={value!r}, which has its own; give one of the two"
        )
    by_name = dict(zip(value.tasks, value.weights, strict=True))
    return Preference(tasks, tuple(by_name[name] for name in tasks), value.cost_weight)
