"""Reads values out of a JSON object; what is wrong is named with its place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mmdymu.tree import BranchingTree

__all__ = ["Fields"]


class Fields:
    """A JSON object with checked access.

    Args:
        data: What the JSON reader gave.
        where: File and line or part, for error messages.

    Raises:
        ValueError: If ``data`` is no JSON object. The methods raise it for a missing or a wrong value.
    """

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, Mapping):
            raise ValueError(f"{where} must be a JSON object, got {_shown(data)}")
        self.data = data
        self.where = where

    def has(self, name: str) -> bool:
        """Tell whether there is such a value that is not null."""
        return self.data.get(name) is not None

    def get(self, name: str) -> Any:
        """Return a value, whatever it is."""
        if name not in self.data:
            raise ValueError(f"{self.where} has no {name!r}, only {sorted(self.data)}: another version wrote it")
        return self.data[name]

    def text(self, name: str) -> str:
        """Return a string."""
        value = self.get(name)
        return value if isinstance(value, str) else self._refuse(name, "a string", value)

    def integer(self, name: str) -> int:
        """Return a whole number of at least 0."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self._refuse(name, "a whole number >= 0", value)
        return value

    def number(self, name: str) -> float:
        """Return a number; NaN where the file has null."""
        return self._number(name, self.get(name))

    def optional(self, name: str) -> float:
        """Return a number; NaN where the file has null or nothing."""
        return self._number(name, self.data.get(name))

    def numbers(self, name: str, length: int | None = None) -> tuple[float, ...]:
        """Return a list of numbers, NaN for null, of the wanted length."""
        values = tuple(self._number(name, value) for value in self.items(name))
        if length is not None and len(values) != length:
            self._refuse(name, f"{length} numbers", self.data[name])
        return values

    def items(self, name: str) -> list[Any]:
        """Return a list."""
        value = self.get(name)
        return value if isinstance(value, list) else self._refuse(name, "a list", value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings."""
        values = self.items(name)
        if not all(isinstance(value, str) for value in values):
            self._refuse(name, "a list of strings", values)
        return tuple(values)

    def child(self, name: str) -> Fields:
        """Return the JSON object behind a name."""
        return Fields(self.get(name), f"{self.where}, {name!r}")

    def children(self, name: str) -> list[Fields]:
        """Return a list of JSON objects."""
        return [Fields(item, f"{self.where}, {name!r} number {i}") for i, item in enumerate(self.items(name))]

    def numbers_by_name(self, name: str) -> dict[str, float]:
        """Return a JSON object of numbers; values that are null or no numbers are left out."""
        data = self.child(name).data
        return {key: float(value) for key, value in data.items() if _is_number(value)}

    def tree(self, name: str, num_tasks: int) -> BranchingTree:
        """Return a tree from its parents."""
        rows = self.items(name)
        try:
            tree = BranchingTree(tuple(map(tuple, rows)))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.where}: {error}") from error
        if tree.num_tasks != num_tasks:
            self._refuse(name, f"rows of {num_tasks} streams", rows)
        return tree

    def _number(self, name: str, value: Any) -> float:
        if value is None:
            return math.nan
        return float(value) if _is_number(value) else self._refuse(name, "a number or null", value)

    def _refuse(self, name: str, wanted: str, value: Any) -> Any:
        raise ValueError(f"{self.where}: {name!r} must be {wanted}, got {_shown(value)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
