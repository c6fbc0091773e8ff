"""Train a config, test its checkpoint at three preferences, each at cost weight 0 and 1, and print a table.

The exit status is 1 if a cost weight of 1 does not use fewer nodes than 0 at the uniform preference.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from _command_line import load_config, make_parser, run_tool
from mmengine.runner import Runner, find_latest_checkpoint

DEFAULT_CONFIG = "configs/dymu/scenes_r18.py"
#: Weight of the preferred task in a skewed preference; the others share the rest.
SKEWED_WEIGHT = 0.8
#: The one metric of a task that the table shows (in lower case); without any of them, the task's first.
MAIN_METRICS = ("miou", "rmse", "mean", "odsf", "maxf")


@dataclass(frozen=True)
class Outcome:
    """One tested preference: what was asked for, the metrics and the model's report."""

    weights: tuple[float, ...]
    cost_weight: float
    metrics: dict[str, float]
    report: dict[str, Any]


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser("Train a controllable multi-task model and show what preference and cost weight do")
    parser.add_argument("config", nargs="?", default=DEFAULT_CONFIG, help=f"config file (default: {DEFAULT_CONFIG})")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue from the latest checkpoint in the work folder, if there is one",
    )
    return parser.parse_args(arguments)


def demo_preferences(num_tasks: int) -> list[tuple[float, ...]]:
    """Return the uniform preference and those skewed towards the first and the last of at least two tasks."""
    if num_tasks < 2:
        raise ValueError(f"the demo needs a config with at least 2 tasks, got {num_tasks}")
    rest = (1.0 - SKEWED_WEIGHT) / (num_tasks - 1)
    skewed = [
        tuple(SKEWED_WEIGHT if task == preferred else rest for task in range(num_tasks))
        for preferred in (0, num_tasks - 1)
    ]
    return [(1.0 / num_tasks,) * num_tasks, *skewed]


def test_preferences(runner: Runner) -> list[Outcome]:
    """Test the runner's model at all preferences of the demo."""
    outcomes = []
    for weights in demo_preferences(len(runner.model.tasks)):
        for cost_weight in (0.0, 1.0):
            runner.cfg.pref, runner.cfg.cost_weight = list(weights), cost_weight
            metrics = runner.test()
            outcomes.append(Outcome(weights, cost_weight, metrics, runner.model.report()))
    return outcomes


def main_metric(metrics: dict[str, float], task: str) -> str:
    """Return the key of the metric that stands for a task in the table; keys look like ``task/name``."""
    keys = [key for key in metrics if key.startswith(f"{task}/")]
    if not keys:
        raise ValueError(f"task {task!r} has no metric; test_evaluator gave {sorted(metrics)}")
    return next((key for key in keys if key.split("/")[-1].lower() in MAIN_METRICS), keys[0])


def table(tasks: Sequence[str], outcomes: Sequence[Outcome]) -> str:
    """Draw the outcomes as a table, one line per preference and cost weight."""
    columns = [main_metric(outcomes[0].metrics, task) for task in tasks]
    rows = [
        [
            f"preference ({', '.join(tasks)})",
            "cost weight",
            *columns,
            "nodes",
            "GFLOPs",
            "parameters",
            "share",
        ]
    ]
    rows += [row(outcome, columns) for outcome in outcomes]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def row(outcome: Outcome, columns: Sequence[str]) -> list[str]:
    """Return the cells of one line of the table."""
    report = outcome.report
    return [
        ", ".join(f"{weight:.2f}" for weight in outcome.weights),
        f"{outcome.cost_weight:g}",
        *(f"{outcome.metrics[key]:.4g}" for key in columns),
        f"{report['nodes_used']} of {report['nodes_total']}",
        f"{report['gflops']:.3f}",
        f"{report['params']:,}",
        f"{report['share']:.2f}",
    ]


def saves_nodes(outcomes: Sequence[Outcome]) -> bool:
    """Tell whether the uniform preference, which comes first, uses fewer nodes at cost weight 1 than at 0."""
    free, frugal = (outcome.report["nodes_used"] for outcome in outcomes[:2])
    return frugal < free


def main(arguments: Sequence[str]) -> int:
    """Train, test and print; return the exit status."""
    args = parse_arguments(arguments)
    if args.launcher != "none":
        raise ValueError(f"--launcher: the demo runs in one process, got {args.launcher!r}; use train.py and test.py")
    config = load_config(args)
    config.resume = args.resume
    runner = Runner.from_cfg(config)
    runner.train()
    # What is tested is the file, and not what happens to be in memory.
    checkpoint = find_latest_checkpoint(runner.work_dir)
    if checkpoint is None:
        raise ValueError(f"{args.config} stores no checkpoint: default_hooks.checkpoint is needed")
    runner.load_checkpoint(checkpoint)
    outcomes = test_preferences(runner)
    print(f"\n{table(runner.model.tasks, outcomes)}\n\ncheckpoint: {checkpoint}")
    if saves_nodes(outcomes):
        return 0
    print("error: at the uniform preference, cost weight 1 does not use fewer nodes than 0", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(run_tool(main, interrupted="training goes on from its last checkpoint with --resume"))
