"""Fix and export one network: ``python tools/export.py CONFIG CHECKPOINT --pref 0.6 0.2 0.2 --out FILE.onnx``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from _asking import add_preference_options, load_asked_config, read_profile
from _command_line import check_checkpoint, make_parser, run_tool

# isort: split
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from torch.fx import GraphModule

from mmdymu.apis import check_test, init_model, network_metrics
from mmdymu.deploy import (
    OnnxNetwork,
    check_fixed,
    choose,
    export_onnx,
    export_pickle,
    export_program,
    export_torchscript,
    fix,
    quantize_onnx,
)
from mmdymu.engine import Frames, calibrate
from mmdymu.models import ControllableNet
from mmdymu.models.segmentors import Selection
from mmdymu.search import budget_text
from mmdymu.steering import read_steering

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
    parser.add_argument(
        "--resize", type=int, nargs=2, metavar=("H", "W"), help="with --preprocess: resize images to this inside"
    )
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
    if Path(args.out).resolve() == Path(args.checkpoint).resolve():
        raise ValueError(f"--out {args.out!r} is the checkpoint itself, which would be lost: give another file")
    if args.resize and not args.preprocess:
        raise ValueError("--resize is a part of --preprocess: give both")
    if args.int8 and found != "onnx":
        raise ValueError(f"--int8 quantises ONNX files, the format is {found!r}")
    if args.int8 and (args.preprocess or args.postprocess):
        raise ValueError("--int8 tests raw head outputs: leave out --preprocess and --postprocess")
    return found


def select(model: ControllableNet, args: argparse.Namespace, config: Config) -> Selection | None:
    """Choose tree and norms, with statistics calibrated where the config says so; None is the anchor."""
    if config.get("run_anchor", False):
        if args.pref or args.cost_weight is not None or config.get("budget") is not None:
            raise ValueError("run_anchor=True exports the single-task networks: leave out preference and budget")
        return None
    if not model.is_controllable:
        raise ValueError(
            "the model's edge hypernet is not trained, so no preference means anything: load a checkpoint of the edges "
            "stage or later, or export the single-task networks with --cfg-options run_anchor=True"
        )
    preference, budget = read_steering(config, model.tasks)
    setting = config.get("norm_statistics", "running")
    # Calibrated statistics do not exist yet; those of a test batch are refused.
    model.set_norm_statistics("running" if setting == "calibrated" else setting)
    _, selection = choose(model, preference, budget, read_profile(args, config, budget))
    assert selection is not None
    if setting == "calibrated":
        batches = Frames.from_config(config).batches(model, 200)
        selection = selection.with_states(calibrate(model, selection, batches))
    return selection


def compare(model: ControllableNet, selection: Selection | None, fold: bool) -> str:
    """Return how far the fixed network is from the dynamic model, relative, on random images."""
    told = []
    for folded in (False, True) if fold else (False,):
        found, exact = check_fixed(model, selection, folded)
        more = "" if exact is None else f" (rounding: in float64 {exact:.1e})"
        told.append(f"{found:.1e}{more} {'after' if folded else 'before folding'}")
    return f"difference from the dynamic model: {', '.join(told)}"


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
        lines.append(f"budget: {budget_text(manifest['budget'])}")
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
    config = load_asked_config(args)
    if args.int8:
        check_test(config)
    check_checkpoint(args.checkpoint)
    init_default_scope(config.get("default_scope", "mmdymu"))
    MMLogger.get_instance("mmdymu", log_level="WARNING")
    model = init_model(config, args.checkpoint)
    selection = select(model, args, config)
    options = {"preprocess": args.preprocess, "postprocess": args.postprocess, "resize": args.resize}
    network = fix(model, selection, fold=not args.no_fold, **options)
    print(f"{selection.asked if selection else 'the single-task networks'}\n{describe(network)}")
    print(compare(model, selection, not args.no_fold))
    if args.preprocess and not args.resize:
        height, width = model.image_size
        print(f"images must have the size of those that the model was trained with, or give --resize {height} {width}")
    if args.int8:
        print(write_int8(network, model, config, args))
    else:
        found = export_onnx(network, args.out, args.opset) if kind == "onnx" else FORMATS[kind](network, args.out)
        print(f"difference of the file from the fixed network: {found:.1e}")
    print(f"written: {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(run_tool(main))
