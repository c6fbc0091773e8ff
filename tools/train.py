"""Train a model: ``python tools/train.py CONFIG``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from _command_line import check_checkpoint, load_config, make_parser, run_tool
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner, find_latest_checkpoint


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser("Train a controllable multi-task model")
    parser.add_argument("config", help="config file")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="continue from the latest checkpoint in the work folder, or from the one given",
    )
    parser.add_argument(
        "--amp", action="store_true", help="train with automatic mixed precision (needs an accelerator)"
    )
    return parser.parse_args(arguments)


def set_resume(config: Config, resume: str | None) -> None:
    """Continue from a checkpoint; 'auto' is the latest in the work folder, None keeps the config's choice.

    A run that has no checkpoint yet begins as the config says: from ``load_from``, if that is set.
    """
    if resume is None:
        return
    if resume != "auto":
        check_checkpoint(resume)
        config.resume, config.load_from = True, resume
    elif config.get("load_from") is None or find_latest_checkpoint(config.work_dir) is not None:
        config.resume, config.load_from = True, None


def enable_amp(config: Config) -> None:
    """Turn every OptimWrapper of the config, also those of single stages, into an AmpOptimWrapper."""
    if get_device() == "cpu":
        raise ValueError("--amp needs an accelerator, but only the device 'cpu' was found")
    for wrapper in optim_wrappers({key: config.get(key) for key in ("optim_wrapper", "train_cfg")}):
        kind = wrapper.get("type", "OptimWrapper")
        if kind not in ("OptimWrapper", "AmpOptimWrapper"):
            raise ValueError(f"--amp works with the optim_wrapper type 'OptimWrapper', got {kind!r}")
        wrapper["type"] = "AmpOptimWrapper"
        wrapper.setdefault("loss_scale", "dynamic")


def optim_wrappers(node: Any) -> Iterator[dict[str, Any]]:
    """Find all settings called ``optim_wrapper`` in nested dicts and lists."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "optim_wrapper" and isinstance(value, dict):
                yield value
            else:
                yield from optim_wrappers(value)
    elif isinstance(node, list | tuple):
        for item in node:
            yield from optim_wrappers(item)


def main(arguments: Sequence[str]) -> int:
    """Train as the command line says; return the exit status."""
    args = parse_arguments(arguments)
    config = load_config(args)
    set_resume(config, args.resume)
    if args.amp:
        enable_amp(config)
    Runner.from_cfg(config).train()
    return 0


if __name__ == "__main__":
    sys.exit(run_tool(main, interrupted="training goes on from its last checkpoint with --resume"))
