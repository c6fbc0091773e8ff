"""What export.py and tree.py share: options that say which network is meant."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from mmdymu import Budget, Preference  # first: it names a missing dependency and the command that installs it

# isort: split
from mmengine.config import Config

from mmdymu.apis.options import read_limit, read_weights
from mmdymu.search import NodeProfile

__all__ = ["add_preference_options", "read_budget", "read_preference", "read_profile"]


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


def read_preference(args: argparse.Namespace, config: Config, tasks: Sequence[str]) -> Preference:
    """Return that of the command line, else the config's, else the uniform one."""
    asked = read_weights("--pref", args.pref) if args.pref else config.get("pref")
    cost_weight = config.get("cost_weight", 0.0) if args.cost_weight is None else args.cost_weight
    if asked is None:
        return Preference.uniform(tasks, cost_weight)
    return Preference.parse(asked, cost_weight=cost_weight, tasks=tasks)


def read_budget(args: argparse.Namespace, config: Config) -> Any:
    """Return that of the command line, else the config's, as :meth:`Budget.parse` reads it."""
    return read_limit("--budget", args.budget) if args.budget else config.get("budget")


def read_profile(args: argparse.Namespace, config: Config, budget: Any) -> NodeProfile | None:
    """Return that of the command line, else the config's, which counts for budgets of latency only."""
    return NodeProfile.load(args.profile) if args.profile else NodeProfile.of_config(config, Budget.parse(budget))
