"""Lines of made sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

TASKS = ("semseg", "depth", "normals")
METRICS = {"semseg": "mIoU", "depth": "rmse", "normals": "mean"}


def header(tasks: Sequence[str] = TASKS, **changes: Any) -> dict[str, Any]:
    """A header of two preferences and two cost weights."""
    return {
        "kind": "header",
        "tasks": list(tasks),
        "preferences": 2,
        "cost_weights": [0.0, 1.0],
        "seed": 0,
        "references": [2.0, 3.0],
        "images": 5,
        **changes,
    }


def lines(
    tasks: Sequence[str] = TASKS, preferences: int = 2, cost_weights: Sequence[float] = (0.0, 1.0), seed: int = 0
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """The line of the single-task nets, those of the runs, and those of compared trees."""
    rng, count = np.random.default_rng(seed), len(tasks)
    single = {"kind": "single", "losses": rng.uniform(0.5, 2, count).tolist(), "metrics": {}}
    runs, brackets = [], []
    for number in range(preferences):
        weights = rng.dirichlet(np.ones(count)).tolist()
        for c in cost_weights:
            run = {"kind": "run", "index": len(runs), "weights": weights, "cost_weight": c}
            costs = {name: float(rng.uniform()) for name in ("share", "flops", "params")}
            losses = (np.array(single["losses"]) * rng.uniform(0.9, 2.5, count)).tolist()
            metrics = {f"{task}/{name}": float(rng.uniform()) for task in tasks for name in ("extra", METRICS[task])}
            runs.append({**run, **costs, "losses": losses, "metrics": metrics, "delta_m": -3.0 - c - number})
            for choice in ("controller", "heuristic"):
                values = (np.array(single["losses"]) * rng.uniform(0.9, 2.5, count)).tolist()
                brackets.append({"kind": "bracket", "index": run["index"], "choice": choice, "losses": values})
    return single, runs, brackets
