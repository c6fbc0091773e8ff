"""Fix and export one network: ``python tools/export.py CONFIG CHECKPOINT --pref 0.6 0.2 0.2 --out FILE.onnx``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _asking import add_preference_options, read_preference
from _command_line import check_checkpoint, load_config, make_parser, run_tool

# isort: split
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from torch.fx import GraphModule

from mmdymu.apis import init_model, network_metrics
from mmdymu.apis.options import read_limit
from mmdymu.deploy import (
    OnnxNetwork,
    choose,
    export_onnx,
    export_pickle,
    export_program,
    export_torchscript,
    fix,
    quantize_onnx,
    relative_difference,
)
from mmdymu.engine import Frames, calibrate
from mmdymu.evaluation.task_meta import task_meta
from mmdymu.models import ControllableNet
from mmdymu.models.segmentors import Selection
from mmdymu.search import NodeProfile

FORMATS = {
    "onnx": export_onnx,
    "torchscript": export_torchscript,
    "program": export_program,
    "pickle": export_pickle,
}
ENDINGS = {".onnx": "onnx", ".pt": "torchscript", ".ts": "torchscript", ".pt2": "program", ".pth": "pickle"}


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser("Fix the network of a preference and write it in a format that runs without mmdymu")
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--out", required=True, metavar="FILE", help="file to write")
    parser.add_argument("--format", choices=list(FORMATS), help=f"default: by the ending of FILE, {ENDINGS}")
    add_preference_options(parser)
    parser.add_argument("--no-fold", action="store_true", help="keep batch norms apart from convolutions")
    parser.add_argument("--preprocess", action="store_true", help="take bytes and normalise inside")
    parser.add_argument("--postprocess", action="store_true", help="give final maps in the image's size")
    parser.add_argument("--opset", type=int, default=18, help="version of ONNX's operators")
    parser.add_argument(
        "--int8", action="store_true", help="quantise the ONNX file and tell how the config's test metrics change"
    )
    parser.add_argument("--calibration-images", type=int, default=64, help="training images for --int8")
    parser.add_argument("--test-images", type=int, help="test images that --int8 compares on (default: all)")
    return parser.parse_args(arguments)


def check_arguments(args: argparse.Namespace) -> str:
    """Refuse what does not go together; return the format."""
    found = args.format or ENDINGS.get(Path(args.out).suffix)
    if found is None:
        raise ValueError(f"--out {args.out!r} must end in one of {list(ENDINGS)}, or give --format")
    if args.int8 and found != "onnx":
        raise ValueError(f"--int8 quantises ONNX files, the format is {found!r}")
    if args.int8 and (args.preprocess or args.postprocess):
        raise ValueError("--int8 tests raw head outputs: leave out --preprocess and --postprocess")
    return found


def class_names(model: ControllableNet) -> dict[str, Any]:
    """Return the names of classes by task, as far as checkpoint or config tell."""
    classes = {task: task_meta(model.dataset_meta, task, "classes") for task in model.tasks}
    return {task: names for task, names in classes.items() if names}


def select(model: ControllableNet, args: argparse.Namespace, config: Config) -> Selection:
    """Choose tree and norms, with statistics calibrated where the config says so."""
    preference = read_preference(args, config, model.tasks)
    budget = read_limit("--budget", args.budget) if args.budget else config.get("budget")
    profile = NodeProfile.load(args.profile) if args.profile else None
    setting = config.get("norm_statistics", "running")
    # Calibrated statistics do not exist yet; those of a test batch are refused.
    model.set_norm_statistics("running" if setting == "calibrated" else setting)
    _, selection = choose(model, preference, budget, profile)
    assert selection is not None
    if setting == "calibrated":
        batches = Frames.from_config(config).batches(model, 200)
        selection = selection.with_states(calibrate(model, selection, batches))
    return selection


def difference(model: ControllableNet, selection: Selection, fold: bool) -> float:
    """Return how far the fixed network is from the dynamic model, relative, on random images."""
    images = torch.randn(2, 3, *model.image_size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = model.run_tree(images, selection.tree, selection.node_states)
        return relative_difference(fix(model, selection, fold=fold)(images), wanted)


def describe(network: GraphModule) -> str:
    """Return tree and cost as text."""
    manifest = network.manifest
    assert isinstance(manifest, dict)
    height, width = manifest["image_size"]
    lines = [
        manifest["tree"]["drawing"],
        f"{manifest['flops'] / 1e9:.4f} GFLOPs (multiply-adds) at {height}x{width}, "
        f"{manifest['params'] / 1e6:.4f} M parameters, {manifest['folded_norms']} batch norms folded",
    ]
    if manifest["budget"]:
        lines.append(f"budget: {manifest['budget']}")
    return "\n".join(lines)


def write_int8(network: GraphModule, model: ControllableNet, config: Config, args: argparse.Namespace) -> str:
    """Write the quantised file; return the metrics of both networks as text."""
    images = [batch.inputs for batch in Frames.from_config(config).batches(model, args.calibration_images)]
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "float.onnx"
        export_onnx(network, whole, args.opset)
        quantize_onnx(whole, args.out, images)
        networks = {"float": OnnxNetwork(whole), "int8": OnnxNetwork(args.out)}
        sizes = [path.stat().st_size / 1e6 for path in (whole, Path(args.out))]
        metrics = network_metrics(config, model, networks, args.test_images)
    size = f"file: {sizes[0]:.2f} MB float, {sizes[1]:.2f} MB int8"
    lines = [size, f"{'metric':32s} {'float':>10s} {'int8':>10s} change"]
    for name, value in metrics["float"].items():
        other = metrics["int8"][name]
        lines.append(f"{name:32s} {value:10.4f} {other:10.4f} {other - value:+.4f}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Export as the command line says; return the exit status."""
    args = parse_arguments(arguments)
    kind = check_arguments(args)
    config = load_config(args)
    check_checkpoint(args.checkpoint)
    init_default_scope(config.get("default_scope", "mmdymu"))
    MMLogger.get_instance("mmdymu", log_level="WARNING")
    model = init_model(config, args.checkpoint)
    selection = select(model, args, config)
    options = {"preprocess": args.preprocess, "postprocess": args.postprocess, "classes": class_names(model)}
    network = fix(model, selection, fold=not args.no_fold, **options)
    print(f"{selection.preference}\n{describe(network)}")
    print(f"difference from the dynamic model: {difference(model, selection, False):.1e} before folding", end="")
    print("" if args.no_fold else f", {difference(model, selection, True):.1e} after")
    if args.int8:
        print(write_int8(network, model, config, args))
    else:
        found = export_onnx(network, args.out, args.opset) if kind == "onnx" else FORMATS[kind](network, args.out)
        print(f"difference of the file from the fixed network: {found:.1e}")
    print(f"written: {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(run_tool(main))
