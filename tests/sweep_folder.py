"""Writes small plausible sweep folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmdymu.tree import BranchingTree

NAMES = ("semseg", "depth", "normals", "edges", "saliency")
METRICS = {
    "semseg": {"aAcc": (70.0, 1), "mIoU": (32.8, 1)},
    "depth": {"rmse": (0.87, -1), "abs_rel": (0.2, -1)},
    "normals": {"mean": (24.0, -1), "rmse": (30.0, -1)},
    "edges": {"odsF": (60.0, 1)},
    "saliency": {"maxF": (80.0, 1)},
}


def task_names(count: int) -> list[str]:
    """Names of dense tasks, or of the many tasks of a classifier, some of them long."""
    if count <= len(NAMES):
        return list(NAMES[:count])
    long = ["large_natural_outdoor_scenes", "large_omnivores_and_herbivores", "household_electrical_devices"]
    return [*long, *(f"superclass_{i}" for i in range(count - len(long)))]


def write_sweep(
    folder: Path,
    num_tasks: int = 3,
    *,
    preferences: int = 6,
    cost_weights: Sequence[float] = (0.0, 0.5, 1.0),
    num_layers: int = 4,
    tasks: Sequence[str] | None = None,
    metrics: bool = True,
    oracle: bool = True,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Write a finished sweep.

    Returns:
        The lines of sweep.jsonl and the content of summary.json.
    """
    maker = _Maker(list(tasks or task_names(num_tasks)), num_layers, metrics)
    rng = np.random.default_rng(0)
    points = [rng.dirichlet([1.0] * len(maker.tasks)) for _ in range(preferences)]
    header = {
        "kind": "header",
        "format": 1,
        "config": "configs/dymu/toy.py",
        "checkpoint": "toy.pth",
        "weights_sha256": "0123456789abcdef" * 4,
        "test_sha256": "fedcba9876543210" * 4,
        "tasks": maker.tasks,
        "preferences": preferences,
        "cost_weights": list(map(float, cost_weights)),
        "seed": 0,
        "oracle_images": 32 if oracle else 0,
        "norm_statistics": "running",
        "images": 500,
        "references": [2.0, 3.0],
        "image_size": [128, 168],
        "version": "0.1.0",
    }
    single = {"kind": "single", **maker.outcome(BranchingTree.separate(len(maker.tasks), num_layers))}
    runs = [maker.run(w, c) for w in points for c in map(float, cost_weights)]
    for index, run in enumerate(runs):
        run["index"] = index
    lines = [header, single, *(line for run in runs for line in (*maker.brackets(run, oracle), run))]
    summary = maker.summary(header, single, runs, lines)
    write_files(folder, lines, summary)
    return lines, summary


def write_files(folder: Path, lines: Sequence[dict[str, Any]], summary: dict[str, Any] | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sweep.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    if summary is not None:
        (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")


class _Maker:
    """A net whose tasks lose 3 % per layer on another task's stream."""

    def __init__(self, tasks: list[str], num_layers: int, metrics: bool) -> None:
        self.tasks, self.num_layers, self.metrics = tasks, num_layers, metrics
        self.single = np.linspace(0.4, 1.6, len(tasks))
        self.costs = [[1e8 * (1 + layer / 4)] * len(tasks) for layer in range(num_layers)]

    def tree(self, weights: Sequence[float], cost_weight: float) -> BranchingTree:
        """A trunk that important tasks leave early, later the larger the cost weight; neighbours leave together."""
        weights = np.asarray(weights)
        trunk, depth = int(np.argmax(weights)), self.num_layers
        wish = 1 - (1.6 - 1.5 * cost_weight) * weights / weights.max()
        leave = np.clip(np.round(depth * wish), 0, depth).astype(int)
        paths = []
        for task in range(len(self.tasks)):
            partner = task - 1 if task % 2 and task - 1 != trunk and leave[task - 1] < depth - 1 else task
            start = max(leave[task], leave[partner]) if partner != task else leave[task]
            own = min(start + 1, depth) if partner != task else start
            begin = min(leave[partner], own)
            path = [trunk] * begin + [partner] * (own - begin) + [task] * (depth - own)
            paths.append(path if task != trunk else [trunk] * depth)
        return BranchingTree.from_paths(paths)

    def outcome(self, tree: BranchingTree, extra: float = 0.0) -> dict[str, Any]:
        foreign = np.array([[node != task for node in path] for task, path in enumerate(tree.paths)])
        depth = np.linspace(0.01, 0.06, self.num_layers)
        ratio = 1 + extra + foreign @ depth * (1 + 0.4 * np.arange(len(self.tasks)) / len(self.tasks))
        if foreign.any():  # the single-task nets stay at 1
            ratio += np.random.default_rng(foreign.sum(axis=1) + 1).normal(-0.01, 0.015, len(ratio))
        flops = tree.cost(self.costs) + 2e8
        return {
            "losses": (self.single * ratio).tolist(),
            "metrics": self._metrics(ratio) if self.metrics else {},
            "flops": flops,
            "params": flops / 40,
            "share": tree.share(self.costs),
            "nodes_used": tree.num_used,
        }

    def _metrics(self, ratio: np.ndarray) -> dict[str, float]:
        table = {}
        for task, value in zip(self.tasks, ratio, strict=True):
            for name, (base, sign) in METRICS.get(task, {"accuracy": (75.0, 1)}).items():
                table[f"{task}/{name}"] = float(base / value if sign > 0 else base * value)
        return table

    def run(self, weights: np.ndarray, cost_weight: float) -> dict[str, Any]:
        tree = self.tree(weights, cost_weight)
        outcome = self.outcome(tree)
        delta_m = float(np.mean(1 - np.array(outcome["losses"]) / self.single) * 100) if self.metrics else None
        given = {"weights": weights.tolist(), "cost_weight": cost_weight, "parents": tree.parents}
        return {"kind": "run", "index": 0, **given, **outcome, "delta_m": delta_m}

    def brackets(self, run: dict[str, Any], oracle: bool) -> list[dict[str, Any]]:
        uneven = np.random.default_rng(run["index"]).normal(0, 0.006, 2)
        extras = {"controller": 0.0, "heuristic": 0.015 + uneven[0], "search": -0.004 + uneven[1] / 2, "oracle": -0.015}
        tree = BranchingTree(run["parents"])
        return [
            {
                "kind": "bracket",
                "index": run["index"],
                "choice": choice,
                "parents": run["parents"],
                "share": run["share"],
                "losses": self.outcome(tree, extra)["losses"],
            }
            for choice, extra in extras.items()
            if oracle or choice not in ("oracle", "search")
        ]

    def summary(self, header: dict, single: dict, runs: list[dict], lines: list[dict]) -> dict[str, Any]:
        swept = header["cost_weights"]
        return {
            "header": header,
            "single": single,
            "by_cost_weight": [self._row(c, runs, lines) for c in swept],
            "cost_curve": self._cost_curve(),
            "simplex": self._simplex(swept) if len(self.tasks) == 3 else None,
            "trees": [self._view(name, w, c) for name, w in self._named() for c in sorted({swept[0], swept[-1]})],
            "marginal": {task: [self._bins(j, c, runs) for c in swept] for j, task in enumerate(self.tasks)},
            "control_range": {task: [self._range(j, c, runs) for c in swept] for j, task in enumerate(self.tasks)},
            "controller": {"params": 120000, "edge_hypernet": 50000, "weight_hypernet": 70000, "anchor_params": 9e6},
        }

    def _row(self, c: float, runs: list[dict], lines: list[dict]) -> dict[str, Any]:
        chosen = [run for run in runs if run["cost_weight"] == c]
        weights = {run["index"]: run["weights"] for run in chosen}
        brackets: dict[str, list[float]] = {}
        for line in lines:
            if line["kind"] == "bracket" and line["index"] in weights:
                value = float(np.dot(weights[line["index"]], np.array(line["losses"]) / self.single))
                brackets.setdefault(line["choice"], []).append(value)
        means = {f"mean_{name}": float(np.mean([run[name] for run in chosen])) for name in ("share", "flops", "params")}
        return {
            "cost_weight": c,
            **means,
            "hypervolume": {"2.0": 0.9 - 0.2 * c, "3.0": 6.9 - 0.5 * c},
            "hypervolume_root": {"2.0": 0.99 - 0.1 * c, "3.0": 1.9 - 0.1 * c},
            "uniformity": 0.7 - 0.1 * c,
            "weighted_loss": float(np.mean(brackets["controller"])),
            "brackets": {choice: float(np.mean(values)) for choice, values in brackets.items()},
            "delta_m": float(np.mean([run["delta_m"] for run in chosen])) if self.metrics else None,
        }

    def _cost_curve(self) -> dict[str, Any]:
        cost_weights = np.linspace(0, 1, 11).round(1).tolist()
        rng = np.random.default_rng(1)
        points = [rng.dirichlet([1.0] * len(self.tasks)) for _ in range(10)]
        table = {name: [] for name in ("share", "flops", "params")}
        for c in cost_weights:
            outcomes = [self.outcome(self.tree(w, c)) for w in points]
            for name in table:
                table[name].append([outcome[name] for outcome in outcomes])
        bands = {
            name: {
                "mean": np.mean(values, axis=1).tolist(),
                "p10": np.percentile(values, 10, axis=1).tolist(),
                "p90": np.percentile(values, 90, axis=1).tolist(),
            }
            for name, values in table.items()
        }
        return {"preferences": 1000, "cost_weights": cost_weights, **bands}

    def _simplex(self, cost_weights: list[float], steps: int = 12) -> dict[str, Any]:
        points = [
            [i / steps, j / steps, (steps - i - j) / steps] for i in range(steps + 1) for j in range(steps + 1 - i)
        ]
        shares = [[self.tree(np.array(w), c).share(self.costs) for w in points] for c in cost_weights]
        return {"weights": points, "cost_weights": cost_weights, "share": shares}

    def _named(self) -> list[tuple[str, np.ndarray]]:
        count = len(self.tasks)
        named = [("uniform", np.full(count, 1 / count))]
        for j, task in enumerate(self.tasks):
            weights = np.full(count, 0.2 / max(count - 1, 1))
            weights[j] = 0.8
            named.append((f"{task} 0.8", weights))
        return named

    def _view(self, name: str, weights: np.ndarray, c: float) -> dict[str, Any]:
        tree = self.tree(weights, c)
        outcome = self.outcome(tree)
        cost = {"share": outcome["share"], "flops": outcome["flops"]}
        return {"name": name, "weights": weights.tolist(), "cost_weight": c, "parents": tree.parents, **cost}

    def _bins(self, task: int, c: float, runs: list[dict]) -> dict[str, Any]:
        chosen = sorted((run["weights"][task], run["losses"][task]) for run in runs if run["cost_weight"] == c)
        bins = []
        for part in np.array_split(np.array(chosen), min(5, len(chosen))):
            weight, loss = part.mean(axis=0)
            bins.append({"weight": weight, "loss": loss / self.single[task], "count": len(part)})
        return {"cost_weight": c, "bins": bins}

    def _range(self, task: int, c: float, runs: list[dict]) -> dict[str, Any]:
        values = [run["losses"][task] / self.single[task] for run in runs if run["cost_weight"] == c]
        return {"cost_weight": c, "lowest": min(values), "highest": max(values)}
