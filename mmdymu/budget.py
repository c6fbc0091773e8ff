"""A hard limit on what a network costs. A value, without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

__all__ = ["BUDGET_KINDS", "Budget"]

#: What can be limited, and how a limit is shown: (divisor, unit).
BUDGET_KINDS: dict[str, tuple[float, str]] = {
    "flops": (1e9, "GFLOPs (multiply-adds)"),
    "params": (1e6, "M parameters"),
    "latency_ms": (1.0, "ms"),
}


@dataclass(frozen=True)
class Budget:
    """The most that a tree may cost, its heads included.

    Use :meth:`parse` for what stands in a config.

    Attributes:
        kind: ``flops`` (multiply-adds for one image of the model's ``image_size``), ``params`` (parameters of the
            network that runs, hypernets apart) or ``latency_ms`` (milliseconds on the device that a profile was
            measured on).
        limit: Positive and finite; a cost equal to it is allowed.
    """

    kind: str
    limit: float

    def __post_init__(self) -> None:
        """Validate."""
        if self.kind not in BUDGET_KINDS:
            raise ValueError(f"budget is of the unknown kind {self.kind!r}, use one of {list(BUDGET_KINDS)}")
        is_number = isinstance(self.limit, Real) and not isinstance(self.limit, bool)
        if not is_number or not 0 < self.limit < math.inf:
            raise ValueError(f"budget.{self.kind}={self.limit!r} must be a positive, finite number, such as 1.2e8")
        object.__setattr__(self, "limit", float(self.limit))

    @classmethod
    def parse(cls, value: Any) -> Budget | None:
        """Read a budget as users write it.

        Args:
            value: A dict with one kind and its limit (``dict(flops=1e8)``), a Budget, or None.

        Returns:
            The budget; None for None.

        Raises:
            ValueError: If ``value`` (called ``budget``) is anything else, names an unknown kind or more than one, or
                its limit is not a positive, finite number.
        """
        if value is None or isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"budget={value!r} must be a dict with one of {list(BUDGET_KINDS)}, such as flops=1e8")
        if len(value) != 1:
            found = f"has {len(value)} kinds {list(value)}" if value else "is empty"
            raise ValueError(f"budget={dict(value)!r} {found}, give exactly one of {list(BUDGET_KINDS)}")
        ((kind, limit),) = value.items()
        return cls(kind, limit)

    def to_dict(self) -> dict[str, float]:
        """The form that :meth:`parse` reads."""
        return {self.kind: self.limit}

    def show(self, cost: float) -> str:
        """Show a cost in this budget's unit: ``0.12 GFLOPs (multiply-adds)``."""
        divisor, unit = BUDGET_KINDS[self.kind]
        return f"{cost / divisor:.4g} {unit}"

    def __str__(self) -> str:
        """Show the limit: ``at most 0.12 GFLOPs (multiply-adds)``."""
        return f"at most {self.show(self.limit)}"
