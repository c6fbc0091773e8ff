"""Time a model's parts for budgets of latency: ``python tools/profile_nodes.py CONFIG CHECKPOINT --out FILE.json``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from _command_line import check_checkpoint, load_config, make_parser, run_tool

# isort: split
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from mmdymu.apis import init_model
from mmdymu.search import NodeProfile
from mmdymu.search.profiling import ProfileSettings, measure_profile

MOST_PERCENT = 10.0


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser("Time nodes and heads on this device, and tell how well their sums predict whole networks")
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--out", metavar="FILE", default="profile.json", help="what to write (default: profile.json)")
    parser.add_argument("--size", type=int, nargs=2, metavar=("H", "W"), help="of images (default: model.image_size)")
    parser.add_argument("--batch", type=int, default=1, help="images in a batch; times are those of a batch")
    parser.add_argument("--threads", type=int, help="of the CPU (default: as torch chooses)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda or cuda:N")
    parser.add_argument("--trees", type=int, default=12, help="networks to measure parts in, and as many for the error")
    parser.add_argument("--rounds", type=int, default=15, help="how often each network runs; more for a busy device")
    return parser.parse_args(arguments)


def describe(profile: NodeProfile) -> str:
    """The profile in a few lines."""
    error, about = profile.about["error"], profile.about
    heads = [f"{task} {ms:.3f}" for task, ms in zip(profile.model["tasks"], profile.head_ms, strict=True)]
    low, high = min(error["measured_ms"]), max(error["measured_ms"])
    return "\n".join(
        [
            f"{about['device_name']}, {about['threads']} threads, images {profile.size[0]}x{profile.size[1]}, "
            f"batch {about['batch']}; milliseconds",
            f"nodes by layer: {', '.join(f'{ms:.3f}' for ms in profile.node_ms)}",
            f"heads: {', '.join(heads)}; overhead {profile.overhead_ms:.3f}",
            f"error on {about['trees']} other networks of {low:.3f} to {high:.3f} ms: mean "
            f"{error['mean_percent']:.1f} %, worst {error['worst_percent']:.1f} %",
        ]
    )


def caution(profile: NodeProfile) -> str | None:
    """What to say if the profile predicts badly, or was taken on a busy machine."""
    worst, load, cores = profile.about["error"]["worst_percent"], profile.about["load"], os.cpu_count() or 1
    if load is not None and load > cores + 1:
        return (
            f"caution: other programs were running (load {load:.1f} on {cores} cores), so that these times are not "
            "those of a quiet device: measure again when it is"
        )
    if worst <= MOST_PERCENT:
        return None
    return (
        f"caution: budgets of latency may be missed by {worst:.0f} %; measure again on a quiet device, or with more "
        "--rounds"
    )


def main(arguments: Sequence[str]) -> int:
    """Measure as the command line says; return the exit status."""
    args = parse_arguments(arguments)
    settings = ProfileSettings(
        size=tuple(args.size) if args.size else None,
        batch=args.batch,
        device=args.device,
        threads=args.threads,
        trees=args.trees,
        rounds=args.rounds,
    )
    if Path(args.out).suffix != ".json":
        raise ValueError(f"--out must end in .json, got {args.out!r}")
    config = load_config(args)
    check_checkpoint(args.checkpoint)
    init_default_scope(config.get("default_scope", "mmdymu"))
    MMLogger.get_instance("mmdymu", log_level="INFO")
    profile = measure_profile(init_model(config, args.checkpoint), settings)
    profile.save(args.out)
    print(describe(profile))
    if text := caution(profile):
        print(text, file=sys.stderr)
    print(f"written: {args.out}; use it with --cfg-options budget.latency_ms=MS profile={args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(run_tool(main))
