"""Measure how much a trained controller controls: ``python tools/control.py CONFIG CHECKPOINT --out DIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _command_line import check_checkpoint, load_config, make_parser, run_tool

# isort: split
import torch
from mmengine.config import Config
from mmengine.fileio import dump
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from mmdymu.apis import ControlSettings, init_model, measure_control, summary
from mmdymu.engine import Frames
from mmdymu.models import ControllableNet
from mmdymu.visualization.control_figure import draw_control


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser("Shares, losses and regrets of a trained controller on the test frames")
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--out", metavar="FOLDER", help="folder for control.json and control.png (default: work dir)")
    parser.add_argument("--preferences", type=int, default=200, help="preferences drawn from the simplex")
    parser.add_argument("--test-images", type=int, help="test frames (default: all)")
    parser.add_argument("--calibration-images", type=int, default=200, help="training frames for norm statistics")
    parser.add_argument("--oracle-images", type=int, default=32, help="test frames for the oracle's path table")
    parser.add_argument(
        "--adapted-preferences", type=int, default=6, help="preferences that compare norms and weight hypernet"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the drawn preferences")
    return parser.parse_args(arguments)


def build_model(config: Config, checkpoint: str) -> ControllableNet:
    """Build the config's model and load its weights."""
    model = init_model(config, checkpoint, "cuda" if torch.cuda.is_available() else "cpu")
    if not model.is_controllable:
        raise ValueError(f"checkpoint {checkpoint!r} has no trained edge hypernet: run the edges stage first")
    return model


def measure(config: Config, args: argparse.Namespace) -> dict[str, Any]:
    """Load frames and measure."""
    model = build_model(config, args.checkpoint)
    test = Frames.from_config(config, "test").batches(model, args.test_images)
    training = Frames.from_config(config, "train").batches(model, args.calibration_images)
    settings = ControlSettings(
        preferences=args.preferences,
        seed=args.seed,
        oracle_images=args.oracle_images,
        adapted_preferences=args.adapted_preferences,
    )
    report = measure_control(model, test, training, settings)
    return {"config": args.config, "checkpoint": args.checkpoint, "seed": args.seed, **report}


def main(arguments: Sequence[str]) -> int:
    """Measure as the command line says; return the exit status."""
    args = parse_arguments(arguments)
    config = load_config(args)
    check_checkpoint(args.checkpoint)
    init_default_scope(config.get("default_scope", "mmdymu"))
    MMLogger.get_instance("mmdymu", log_level="INFO")
    out = Path(args.out or config.work_dir)
    out.mkdir(parents=True, exist_ok=True)
    report = measure(config, args)
    dump(report, out / "control.json", indent=2)
    draw_control(report, out / "control.png")
    print(summary(report))
    print(f"written: {out / 'control.json'}, {out / 'control.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(run_tool(main))
