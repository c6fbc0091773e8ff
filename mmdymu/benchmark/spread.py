"""Mean and spread over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Spread", "spread_of", "spreads_of"]


@dataclass(frozen=True)
class Spread:
    """A value over seeds.

    Attributes:
        mean: NaN where no seed has the value.
        std: Sample standard deviation (divisor n − 1); NaN for fewer than two seeds.
        n: Seeds that have the value.
    """

    mean: float
    std: float
    n: int

    def text(self, digits: int, unit: float = 1.0, sign: bool = False) -> str:
        """``1.234 ± 0.005``; one seed is marked by ``¹``, and '–' stands for what is not known.

        Args:
            digits: Decimals.
            unit: Values are divided by it.
            sign: Write the mean's sign.
        """
        if not self.n:
            return "–"
        mean = f"{self.mean / unit:{'+' if sign else ''},.{digits}f}"
        return f"{mean} ¹" if self.n == 1 else f"{mean} ± {self.std / unit:,.{digits}f}"


def spread_of(values: Iterable[float | None]) -> Spread:
    """Mean and sample standard deviation of the values that are finite."""
    known = np.array([value for value in values if value is not None and math.isfinite(value)], dtype=np.float64)
    if not len(known):
        return Spread(math.nan, math.nan, 0)
    return Spread(float(known.mean()), float(known.std(ddof=1)) if len(known) > 1 else math.nan, len(known))


def spreads_of(rows: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """The spread of every entry over rows of single seeds, in the order in which entries first occur."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: spread_of(row.get(name) for row in rows) for name in names}
