"""Predict all tasks of an image, a folder or a video: ``python demo/image_demo.py IMAGE CONFIG CHECKPOINT``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mmdymu  # noqa: F401  first: it names a missing dependency and the command that installs it

# isort: split
from mmengine.config import DictAction
from mmengine.device import get_device
from mmengine.logging import MMLogger

from mmdymu.apis import MultiTaskInferencer, init_model
from mmdymu.apis.options import read_limit, read_weights
from mmdymu.apis.sources import VIDEO_SUFFIXES
from mmdymu.search import budget_text

USER_ERRORS = (ValueError, TypeError, KeyError, FileNotFoundError)


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Predict all tasks of an image, a folder or a video")
    parser.add_argument("image", nargs="+", help="image, folder or video; several are told apart by their names")
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument(
        "--pref",
        nargs="+",
        help="weights in task order (0.6 0.2 0.2) or by name (semseg=0.6 depth=0.4); default: equal",
    )
    parser.add_argument("--cost-weight", type=float, default=0.0, help="how much saving compute matters, 0 to 1")
    parser.add_argument("--budget", metavar="KIND=LIMIT", help="hard limit: flops=1e8, params=2e6 or latency_ms=30")
    parser.add_argument("--profile", help="times of the nodes, for latency_ms; from tools/profile_nodes.py")
    parser.add_argument("--out-dir", default="outputs", help="folder of maps and overlays (default: outputs)")
    parser.add_argument("--map-format", choices=["png", "npy"], default="png", help="npy keeps exact numbers")
    parser.add_argument("--overwrite", action="store_true", help="replace files in the folder")
    parser.add_argument("--save-video", action="store_true", help="write the overlays of a video as a video")
    parser.add_argument("--batch-size", type=int, default=1, help="images that run at once, where they have one size")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, … (default: a GPU if there is one)")
    parser.add_argument("--show", action="store_true", help="open a window for every image")
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="override settings of the config, key=value"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of every error")
    return parser.parse_args(arguments)


def set_network(inferencer: MultiTaskInferencer, args: argparse.Namespace) -> None:
    """Select what the options ask for; without any, the inferencer's own start stays."""
    asked = read_weights("--pref", args.pref) if args.pref else None
    budget = read_limit("--budget", args.budget) if args.budget else None
    if args.profile and budget is None:
        raise ValueError("--profile is for --budget latency_ms=LIMIT, which is not given")
    if asked is not None or budget is not None or args.cost_weight:
        equal = [1.0 / len(inferencer.model.tasks)] * len(inferencer.model.tasks)
        inferencer.set_preference(equal if asked is None else asked, args.cost_weight, budget, args.profile)


def describe(report: Mapping[str, Any]) -> str:
    """Tell the tree, what it costs, and what was found within a budget."""
    found = report.get("budget")
    within = f"\nbudget: {budget_text(found)}" if found else ""
    return (
        f"{report['tree']}\nnodes {report['nodes_used']} of {report['nodes_total']}, {report['gflops']:.3f} GFLOPs "
        f"(multiply-adds), {report['params'] / 1e6:.3f} M parameters{within}"
    )


def only_videos(paths: Sequence[str]) -> bool:
    """Tell whether a film can take the place of all single pictures."""
    return all(Path(path).suffix.lower() in VIDEO_SUFFIXES for path in paths)


def run(args: argparse.Namespace) -> None:
    """Predict as the command line says."""
    MMLogger.get_instance("mmdymu", log_level="INFO")
    model = init_model(args.config, args.checkpoint, args.device or get_device(), args.cfg_options)
    inferencer = MultiTaskInferencer(model)
    set_network(inferencer, args)
    if model.selection is not None:
        print(model.selection.asked)
    print(describe(inferencer.report()))
    done = inferencer(
        args.image,
        batch_size=args.batch_size,
        out_dir=args.out_dir,
        map_format=args.map_format,
        overwrite=args.overwrite,
        save_video=args.save_video,
        overlays=not (args.save_video and only_videos(args.image)),
        show=args.show,
        return_maps=False,
    )
    print(f"{len(done['predictions'])} images, written into {args.out_dir}")


def main(arguments: Sequence[str]) -> int:
    """Return the exit status; an error of the user is one line."""
    args = parse_arguments(arguments)
    try:
        run(args)
    except USER_ERRORS as error:
        if args.debug:
            raise
        print(f"error: {error.args[0] if isinstance(error, KeyError) and error.args else error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
