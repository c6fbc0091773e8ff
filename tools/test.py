"""Test at a preference: ``python tools/test.py CONFIG CHECKPOINT --cfg-options 'pref=[0.6,0.2,0.2]'``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _command_line import check_checkpoint, load_config, make_parser, run_tool
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.fileio import dump
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

PREDICTION_FILES = (".pkl", ".pickle")


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser("Test a controllable multi-task model at a preference")
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="FILE.json: metrics, preference, budget, tree and cost; FILE.pkl: the predictions",
    )
    parser.add_argument("--show", action="store_true", help="show the predictions in a window")
    parser.add_argument("--show-dir", metavar="FOLDER", help="paint the predictions into files of this folder")
    parser.add_argument("--wait-time", type=float, default=2.0, help="seconds between two images of --show")
    return parser.parse_args(arguments)


def check_out(out: str | None) -> None:
    """Refuse an ending of --out that says neither metrics nor predictions."""
    if out is not None and Path(out).suffix not in (".json", *PREDICTION_FILES):
        raise ValueError(
            f"--out must end in .json (metrics) or {' or '.join(PREDICTION_FILES)} (predictions), got {out!r}"
        )


def check_hook(config: Config) -> None:
    """Refuse settings that nothing in the config would read."""
    hooks = [*(config.get("custom_hooks") or []), *(config.get("default_hooks") or {}).values()]
    kinds = [str(hook.get("type")) for hook in hooks if isinstance(hook, dict)]
    given = [name for name in ("pref", "cost_weight", "budget") if config.get(name)]
    if given and not any("PreferenceHook" in kind for kind in kinds):
        raise ValueError(
            f"{given[0]}={config[given[0]]!r} would have no effect: add dict(type='mmdymu.PreferenceHook') to "
            "custom_hooks of the config"
        )


def show_predictions(config: Config, args: argparse.Namespace) -> None:
    """Switch on the visualization hook of the config."""
    hook = config.get("default_hooks", {}).get("visualization")
    if hook is None or config.get("visualizer") is None:
        raise ValueError(f"--show and --show-dir need default_hooks.visualization and visualizer in {args.config}")
    hook["draw"] = True
    if args.show:
        hook["show"] = True
        hook["wait_time"] = args.wait_time
    if args.show_dir:
        config.visualizer["save_dir"] = args.show_dir


def dump_predictions(config: Config, out: str) -> None:
    """Add the metric that stores the predictions."""
    evaluator = config.get("test_evaluator") or []
    is_whole = isinstance(evaluator, dict) and "metrics" in evaluator  # an Evaluator's config, with its metrics inside
    metrics = evaluator["metrics"] if is_whole else evaluator
    metrics = list(metrics) if isinstance(metrics, list | tuple) else [metrics]
    metrics.append(dict(type="mmengine.DumpResults", out_file_path=out))
    config.test_evaluator = {**evaluator, "metrics": metrics} if is_whole else metrics


def summarise(runner: Runner, metrics: dict[str, float]) -> dict[str, Any]:
    """Return what --out FILE.json stores."""
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    selection = getattr(model, "selection", None)
    preference = selection and dict(zip(selection.preference.tasks, selection.preference.weights, strict=True))
    summary: dict[str, Any] = {
        "config": runner.cfg.filename,
        "checkpoint": runner.cfg.load_from,
        "metrics": metrics,
        "preference": preference,
        "norm_statistics": runner.cfg.get("norm_statistics", "running"),
        "pref": runner.cfg.get("pref"),
        "cost_weight": runner.cfg.get("cost_weight", 0.0),
    }
    return {**summary, **model.report()} if hasattr(model, "report") else summary


def main(arguments: Sequence[str]) -> int:
    """Test as the command line says; return the exit status."""
    args = parse_arguments(arguments)
    check_out(args.out)
    config = load_config(args)
    check_hook(config)
    check_checkpoint(args.checkpoint)
    config.load_from, config.resume = args.checkpoint, False
    if args.show or args.show_dir:
        show_predictions(config, args)
    if args.out and Path(args.out).suffix in PREDICTION_FILES:
        dump_predictions(config, args.out)
    runner = Runner.from_cfg(config)
    metrics = runner.test()
    if args.out and Path(args.out).suffix == ".json" and is_main_process():
        Path(args.out).parent.mkdir(parents=True, exist_ok=True)
        dump(summarise(runner, metrics), args.out, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(run_tool(main))
