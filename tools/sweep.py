"""Test at many preferences, by cost weights or budgets: ``python tools/sweep.py CONFIG CHECKPOINT --out DIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _command_line import check_checkpoint, load_config, make_parser, run_tool
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.fileio import load
from mmengine.runner import Runner

from mmdymu.apis.options import read_limit
from mmdymu.evaluation.sweep import sweep_table


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser(
        "Test a controllable model at many preferences, by cost weights or budgets; go on where a sweep stopped"
    )
    parser.add_argument("config", help="config file; its `sweep` has the defaults of the options below")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument(
        "--out", metavar="FOLDER", help="folder for sweep.jsonl and summary.json (default: work dir/sweep)"
    )
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--preferences", type=int, help="number of preferences, drawn uniformly from the simplex")
    asked.add_argument(
        "--preference-list",
        nargs="+",
        metavar="R,R,…",
        help="exactly these preferences, numbers in task order: 1,0,0 0.6,0.3,0.1",
    )
    parser.add_argument("--cost-weights", type=float, nargs="+", metavar="C", help="in [0, 1], ascending")
    parser.add_argument(
        "--budgets",
        nargs="+",
        metavar="KIND=LIMIT",
        help="in place of cost weights, ascending: flops=1e8 flops=1.2e8, or params=…, or latency_ms=… with "
        "--cfg-options profile=FILE.json",
    )
    parser.add_argument("--seed", type=int, help="seed of the drawn preferences")
    parser.add_argument(
        "--references",
        type=float,
        nargs="+",
        metavar="P",
        help="hypervolume: losses at the reference point",
    )
    parser.add_argument(
        "--oracle-images", type=int, help="test images for the oracle's path table (0: no oracle; 32 take minutes)"
    )
    parser.add_argument(
        "--single",
        metavar="FOLDER",
        help="divide losses by those of the single-task nets of another sweep of the same data, in place of the "
        "model's own anchor",
    )
    return parser.parse_args(arguments)


def parse_preference(text: str) -> list[float]:
    """Read ``0.6,0.3,0.1``."""
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        pass
    raise ValueError(f"--preference-list: {text!r} must be numbers with commas between them, such as 0.6,0.3,0.1")


def test_config(config: Config, args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return the config of the loop: the command line's settings go over those of the config's `sweep`."""
    names = ("preferences", "cost_weights", "seed", "references", "oracle_images", "single")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if args.budgets is not None:
        given["budgets"] = [read_limit("--budgets", text) for text in args.budgets]
    # The command line's cost weights or budgets replace the config's, of whatever kind the two are; None is no setting.
    if args.budgets is not None and args.cost_weights is None:
        given["cost_weights"] = None
    if args.cost_weights is not None and args.budgets is None:
        given["budgets"] = None
    if args.preference_list is not None:
        given["preferences"] = [parse_preference(text) for text in args.preference_list]
    fp16 = bool((config.get("test_cfg") or {}).get("fp16", False))
    return dict(type="mmdymu.PreferenceSweepLoop", sweep=given, out=str(folder), fp16=fp16)


def main(arguments: Sequence[str]) -> int:
    """Sweep as the command line says; return the exit status."""
    args = parse_arguments(arguments)
    config = load_config(args)
    check_checkpoint(args.checkpoint)
    config.load_from, config.resume = args.checkpoint, False
    folder = Path(args.out or Path(config.work_dir) / "sweep")
    config.test_cfg = test_config(config, args, folder)
    Runner.from_cfg(config).test()
    if is_main_process():
        summary = load(folder / "summary.json")
        print(sweep_table(summary))
        if "budgets" in summary["header"]:
            print(f"numbers: {folder / 'summary.json'}; pictures and the page are made of sweeps over cost weights")
        else:
            print(f"pictures and a page: python tools/report.py {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(run_tool(main, interrupted="the same command goes on"))
