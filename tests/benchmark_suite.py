"""Small suites, and folders as their jobs leave them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sweep_folder import write_sweep

from mmdymu.benchmark import Job, Suite, read_suite, suite_jobs
from mmdymu.benchmark.record import JobRecord, write_record

SECONDS = 90.0
RUNS = {
    "single": {"config": "net.py", "label": "Single-task", "sweep": {"cost_weights": [0.0]}},
    "static": {
        "config": "net.py",
        "label": "Static",
        "preference_option": "model.preference",
        "sweep": {"cost_weights": [0.0]},
    },
    "dymu": {"config": "net.py", "label": "DYMU", "load_from": "single"},
}


def write_suite(folder: Path, runs: dict[str, Any] | None = None, **changes: Any) -> Path:
    """A suite of three runs on one config."""
    benchmark = {
        "title": "Toys",
        "seeds": [0, 1],
        "reference": "single",
        "preferences": [[1, 0], [1, 1]],
        "sweep": {"preferences": 4, "cost_weights": [0.0, 1.0]},
        "runs": RUNS if runs is None else runs,
        **changes,
    }
    (folder / "net.py").write_text("model = dict(width=4)\ntrain_cfg = dict(max_iters=10)\nsweep = dict(seed=3)\n")
    path = folder / "suite.py"
    path.write_text(f"benchmark = {benchmark!r}\n")
    return path


def suite_of(folder: Path, *options: Any, **changes: Any) -> tuple[Suite, list[Job]]:
    """A suite and its jobs; results go to ``out``."""
    suite = read_suite(write_suite(folder, *options, **changes))
    return suite, suite_jobs(suite, folder / "out")


def finish(job: Job, scale: float = 1.0, seconds: float | None = SECONDS) -> None:
    """Leaves made results in a job's folder; losses of its networks are ``scale`` times the usual ones."""
    for name, settings in job.sweeps.items():
        given = settings["preferences"]
        points = len(given) if isinstance(given, list) else given
        lines, summary = write_sweep(
            job.folder / name, 2, preferences=points, cost_weights=settings["cost_weights"], num_layers=3
        )
        for line in lines:
            if line["kind"] == "run":
                line["losses"] = [scale * loss for loss in line["losses"]]
            if line["kind"] == "header" and isinstance(given, list):
                line["given_preferences"] = given
        for row in summary["by_cost_weight"]:
            row["weighted_loss"] *= scale
        _write(job.folder / name, lines, summary)
    trained = ("iter_10.pth", seconds) if job.run.trains else ()
    write_record(job.folder, JobRecord(job.digests, job.steps, *trained))


def finish_all(jobs: Sequence[Job]) -> None:
    """Finished jobs, each seed 1 % worse than the one before."""
    for job in jobs:
        finish(job, 1 + 0.01 * job.seed)


def _write(folder: Path, lines: Sequence[dict[str, Any]], summary: dict[str, Any]) -> None:
    (folder / "sweep.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "summary.json").write_text(json.dumps(summary))


def rows_of(jobs: Sequence[Job], sweep: str, measure: str) -> np.ndarray:
    """(seeds, cost weights) of a summary's entry."""
    found = [json.loads((job.folder / sweep / "summary.json").read_text())["by_cost_weight"] for job in jobs]
    return np.array([[row[measure] for row in rows] for rows in found])
