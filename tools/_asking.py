"""What export.py and tree.py share: options that say which network is meant."""

from __future__ import annotations

import argparse

from _command_line import check_steering, load_config  # first: it names a missing dependency

# isort: split
from mmengine.config import Config

from mmdymu import Budget
from mmdymu.apis.options import read_limit, read_weights
from mmdymu.search import NodeProfile

__all__ = ["add_preference_options", "load_asked_config", "read_profile"]


def add_preference_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for a preference and a cost weight, or a budget."""
    parser.add_argument(
        "--pref", nargs="+", metavar="R", help="0.6 0.2 0.2 in task order, or semseg=0.6 depth=0.4 (default: config's)"
    )
    parser.add_argument("--cost-weight", type=float, help="in [0, 1] (default: config's, else 0)")
    parser.add_argument("--budget", metavar="KIND=LIMIT", help="hard limit: flops=1.2e8, params=2e6 or latency_ms=20")
    parser.add_argument(
        "--profile", metavar="FILE", help="times of the nodes, for budgets of latency (default: config's)"
    )


def load_asked_config(args: argparse.Namespace) -> Config:
    """Read the config file, lay the options over its preference, cost weight and budget, and refuse wrong ones."""
    config = load_config(args)
    if args.pref:
        config.pref = read_weights("--pref", args.pref)
    if args.cost_weight is not None:
        config.cost_weight = args.cost_weight
    if args.budget:
        config.budget = read_limit("--budget", args.budget)
    check_steering(config)
    return config


def read_profile(args: argparse.Namespace, config: Config, budget: Budget | None) -> NodeProfile | None:
    """Return that of the command line, else the config's, which counts for budgets of latency only."""
    return NodeProfile.load(args.profile) if args.profile else NodeProfile.of_config(config, budget)
