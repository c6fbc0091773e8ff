"""What a benchmark found, as values, and its file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mmdymu.evaluation.sweep import json_ready

from .spread import Spread, spread_of, spreads_of

__all__ = ["BenchmarkResult", "MethodResult", "SeedResult", "benchmark_json", "read_benchmark"]

ABOUT = {
    "title": "title is",
    "tasks": "tasks are",
    "references": "reference points of the hypervolume are",
    "preferences": "number of drawn preferences is",
    "listed": "preferences of static nets are",
    "images": "number of test images is",
}
"""What results must agree on to stand in one table, and how messages call it."""

Row = Mapping[str, float]
"""Measures of one seed at one cost weight, by name; ``cost_weight`` is among them."""


@dataclass(frozen=True)
class SeedResult:
    """One seed of a method.

    Attributes:
        seed: Of the training.
        rows: By folder of the sweep (``sweep`` at drawn preferences, ``sweep_listed`` at those of the static nets), one
            row a cost weight.
        control_params: Parameters of the hypernets.
        train_seconds: Of all trainings that the method needs, its starting point's among them; NaN if not known.
        single: (N,) losses of the single-task nets that losses are divided by.
        asked: Fingerprint of configs and sweeps.
    """

    seed: int
    rows: Mapping[str, Sequence[Row]]
    control_params: float
    train_seconds: float
    single: Sequence[float | None]
    asked: str


@dataclass(frozen=True)
class MethodResult:
    """All finished seeds of a method."""

    name: str
    title: str
    seeds: tuple[SeedResult, ...]

    def rows(self, sweep: str) -> dict[float, dict[str, Spread]]:
        """By cost weight, the spread of every measure over the seeds."""
        found: dict[float, list[Row]] = {}
        for seed in self.seeds:
            for row in seed.rows.get(sweep, ()):
                found.setdefault(row["cost_weight"], []).append(row)
        return {cost_weight: spreads_of(rows) for cost_weight, rows in sorted(found.items())}

    @cached_property
    def control_params(self) -> Spread:
        """Parameters of the hypernets."""
        return spread_of(seed.control_params for seed in self.seeds)

    @cached_property
    def train_seconds(self) -> Spread:
        """Of all trainings that the method needs."""
        return spread_of(seed.train_seconds for seed in self.seeds)


@dataclass(frozen=True)
class BenchmarkResult:
    """What a benchmark found.

    Attributes:
        title: Of the suite.
        tasks: Their order is that of preferences.
        references: Of the hypervolume.
        preferences: Number of drawn preferences; 0 if no method was swept at such.
        listed: Preferences of the static nets; empty if there are none.
        images: Test images.
        methods: In the suite's order, those with a finished seed.
        notes: What is missing, and what does not fit together.
    """

    title: str
    tasks: tuple[str, ...]
    references: tuple[float, ...]
    preferences: int
    listed: tuple[tuple[float, ...], ...]
    images: int
    methods: tuple[MethodResult, ...]
    notes: tuple[str, ...]

    @property
    def about(self) -> dict[str, Any]:
        """All but methods and notes."""
        return {name: getattr(self, name) for name in ABOUT}

    def seed(self, method: str, seed: int) -> SeedResult | None:
        """A finished seed of a method; None if there is none."""
        seeds = (found for own in self.methods if own.name == method for found in own.seeds)
        return next((found for found in seeds if found.seed == seed), None)


def benchmark_json(result: BenchmarkResult) -> str:
    """All numbers, of every seed and over seeds, NaN as null."""
    methods = [
        {
            "name": method.name,
            "title": method.title,
            "seeds": [asdict(seed) for seed in method.seeds],
            "control_params": asdict(method.control_params),
            "train_seconds": asdict(method.train_seconds),
            "by_cost_weight": {
                sweep: [
                    {name: c if name == "cost_weight" else asdict(value) for name, value in row.items()}
                    for c, row in method.rows(sweep).items()
                ]
                for sweep in dict.fromkeys(name for seed in method.seeds for name in seed.rows)
            },
        }
        for method in result.methods
    ]
    return json.dumps(json_ready({**result.about, "methods": methods, "notes": result.notes}), indent=1) + "\n"


def read_benchmark(path: Path) -> BenchmarkResult:
    """Reads what :func:`benchmark_json` gave.

    Args:
        path: A ``benchmark.json``, written here or on another machine.

    Returns:
        The result; what over seeds stands in the file is computed anew.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds something else.
    """
    if not path.is_file():
        hint = "a folder: give its benchmark.json" if path.is_dir() else "not there"
        raise FileNotFoundError(f"'{path}' is {hint}; results are the benchmark.json of a benchmark's folder")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        methods = tuple(_method(entry) for entry in data["methods"])
        about = {name: _tuples(data[name]) for name in ABOUT}
        return BenchmarkResult(**about, methods=methods, notes=tuple(data["notes"]))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"'{path}' is no benchmark.json of a benchmark ({type(error).__name__}: {error})") from error


def _method(entry: Mapping[str, Any]) -> MethodResult:
    return MethodResult(entry["name"], entry["title"], tuple(_seed(seed) for seed in entry["seeds"]))


def _seed(entry: Mapping[str, Any]) -> SeedResult:
    rows = {sweep: [_row(row) for row in rows] for sweep, rows in entry["rows"].items()}
    numbers = {name: _number(entry[name]) for name in ("control_params", "train_seconds")}
    return SeedResult(entry["seed"], rows, **numbers, single=tuple(entry["single"]), asked=entry["asked"])


def _row(entry: Mapping[str, float | None]) -> Row:
    if "cost_weight" not in entry:
        raise KeyError("cost_weight")
    return {name: _number(value) for name, value in entry.items()}


def _number(value: float | None) -> float:
    """JSON knows no NaN."""
    return math.nan if value is None else float(value)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
