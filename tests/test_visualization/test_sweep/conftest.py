"""Finished sweeps of several numbers of tasks, read once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sweep_folder import write_sweep

from mmdymu.visualization.sweep import SweepRecord, read_sweep


@pytest.fixture(scope="session")
def sweep_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., SweepRecord]:
    """Make a sweep of a number of tasks; the same arguments give the same record."""
    made: dict[Any, SweepRecord] = {}

    def make(num_tasks: int, **options: Any) -> SweepRecord:
        key = (num_tasks, *sorted((name, repr(value)) for name, value in options.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp("sweep")
            write_sweep(folder, num_tasks, **{"num_layers": 3, "preferences": 5, **options})
            made[key] = read_sweep(folder)
        return made[key]

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a small finished sweep."""
    path = tmp_path / "sweep"
    write_sweep(path, 3, num_layers=3, preferences=2)
    return path
