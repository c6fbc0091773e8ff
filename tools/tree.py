"""Tell which tree a trained controller selects: ``python tools/tree.py CONFIG CHECKPOINT --pref 0.6 0.2 0.2``.

The last line is the setting with which a config of ``FixedEdges`` trains or tests that tree:

    tree=$(python tools/tree.py CONFIG CHECKPOINT | tail -n 1)
    python tools/train.py configs/peers/retrained_tree_nyud_mbv2.py --cfg-options "$tree"
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _asking import add_preference_options, load_asked_config, read_profile
from _command_line import check_checkpoint, make_parser, run_tool

# isort: split
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from mmdymu import BranchingTree
from mmdymu.apis import init_model
from mmdymu.deploy import choose
from mmdymu.models import ControllableNet
from mmdymu.models.segmentors import Selection
from mmdymu.search import budget_text
from mmdymu.steering import read_steering
from mmdymu.whole_file import whole_file

SETTING = "model.edge_hypernet.tree"


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser("Tell the tree of a preference, what it costs, and the setting that fixes it")
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    add_preference_options(parser)
    parser.add_argument("--out", metavar="FILE", help="FILE.json: parents, tasks, preference, budget and cost")
    return parser.parse_args(arguments)


def select(model: ControllableNet, args: argparse.Namespace, config: Config) -> Selection:
    """Predict the tree of the preference, or search that of the budget."""
    preference, budget = read_steering(config, model.tasks)
    _, selection = choose(model, preference, budget, read_profile(args, config, budget))
    assert selection is not None
    return selection


def parents_of(tree: BranchingTree) -> list[list[int]]:
    """Return the tree's table of parents, (layer, child), in which nodes that do not run keep to their own stream."""
    return [list(row) for row in BranchingTree.from_paths(tree.paths).parents]


def setting(tree: BranchingTree) -> str:
    """Return the tree as ``--cfg-options`` takes it: without blanks."""
    return f"{SETTING}={json.dumps(parents_of(tree), separators=(',', ':'))}"


def summarise(model: ControllableNet, selection: Selection) -> dict[str, Any]:
    """Return what --out stores."""
    preference, tree = selection.preference, selection.tree
    return {
        "tasks": list(model.tasks),
        "parents": parents_of(tree),
        "preference": dict(zip(model.tasks, map(float, preference.weights), strict=True)),
        "cost_weight": float(preference.cost_weight),
        "budget": selection.about.get("budget"),
        "flops": float(model.complexity.flops(tree)),
        "params": int(model.complexity.params(tree)),
        "share": float(model.complexity.share(tree)),
    }


def describe(model: ControllableNet, selection: Selection) -> str:
    """Return preference, drawing and cost as text."""
    found = summarise(model, selection)
    height, width = model.image_size
    lines = [
        selection.asked,
        selection.tree.draw(model.tasks),
        f"{found['flops'] / 1e9:.4f} GFLOPs (multiply-adds, flops={found['flops']:.0f}) at {height}x{width}, "
        f"{found['params'] / 1e6:.4f} M parameters, controllable share {found['share']:.3f}",
    ]
    if found["budget"]:
        lines.append(f"budget: {budget_text(found['budget'])}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Tell the tree of the command line; return the exit status."""
    args = parse_arguments(arguments)
    if args.out and Path(args.out).suffix != ".json":
        raise ValueError(f"--out must end in .json, got {args.out!r}")
    config = load_asked_config(args)
    check_checkpoint(args.checkpoint)
    init_default_scope(config.get("default_scope", "mmdymu"))
    MMLogger.get_instance("mmdymu", log_level="WARNING")
    model = init_model(config, args.checkpoint)
    selection = select(model, args, config)
    print(describe(model, selection))
    if args.out:
        content = {"config": args.config, "checkpoint": args.checkpoint, **summarise(model, selection)}
        with whole_file(args.out) as unfinished:
            unfinished.write_text(json.dumps(content, indent=2) + "\n")
    print(setting(selection.tree))
    return 0


if __name__ == "__main__":
    sys.exit(run_tool(main))
