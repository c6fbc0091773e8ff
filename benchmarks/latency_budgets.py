"""Whether budgets of latency are kept on the machine that was profiled.

Run from the repository's root: python benchmarks/latency_budgets.py CONFIG CHECKPOINT PROFILE.json

Twenty random preferences and limits between one trunk and separate streams; every chosen tree runs in turns with all
others, and each time the separate streams run right behind it. The limit is compared with the median latency as it is,
and with the median of the pairs' ratios times what the profile says of the separate streams: that forgives a machine
that is slower or faster than when it was profiled.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from statistics import mean, median

import numpy as np
import torch

import mmdymu  # noqa: F401  (checks the dependencies)
from mmdymu.apis import init_model
from mmdymu.models import ControllableNet
from mmdymu.preference import Preference
from mmdymu.search import BudgetedTree, NodeProfile, tree_within_budget
from mmdymu.search.fused import fused_copy
from mmdymu.search.stopwatch import run_ms
from mmdymu.tree import BranchingTree

BUDGETS, WARM_UP, SEED = 20, 3, 0
ALLOWED_PERCENT = 10.0


def main() -> None:
    """Prints how far latencies are above their limits, and how well they were predicted, per cent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config")
    parser.add_argument("checkpoint")
    parser.add_argument("profile", help="of tools/profile_nodes.py")
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    profile = NodeProfile.load(args.profile)
    model = init_model(args.config, args.checkpoint)
    chosen = choose(model, profile)
    if profile.device == "cpu":
        torch.set_num_threads(profile.about["threads"])
    latencies, ratios = measure(model, profile, [found.tree for found in chosen], args.rounds)
    anchor = profile.latency_ms(model.anchor_tree)
    error = profile.about["error"]
    load = f"{os.getloadavg()[0]:.1f}, when profiled {profile.about['load']:.1f}" if hasattr(os, "getloadavg") else "?"
    print(f"{profile.about['device_name']}, {profile.about['threads']} threads; load {load}")
    print(f"profile's own error: mean {error['mean_percent']:.1f} %, worst {error['worst_percent']:.1f} %")
    report("as measured", chosen, latencies)
    report("in pairs", chosen, [anchor * ratio for ratio in ratios])


def choose(model: ControllableNet, profile: NodeProfile) -> list[BudgetedTree]:
    """Trees for random preferences and limits."""
    rng = np.random.default_rng(SEED)
    low = profile.latency_ms(BranchingTree.shared(model.num_tasks, model.num_layers, 0))
    high = profile.latency_ms(model.anchor_tree)
    return [
        tree_within_budget(
            model, Preference.sample(model.tasks, rng, cost_weight=0.0), {"latency_ms": rng.uniform(low, high)}, profile
        )
        for _ in range(BUDGETS)
    ]


@torch.no_grad()
def measure(
    model: ControllableNet, profile: NodeProfile, trees: Sequence[BranchingTree], rounds: int
) -> tuple[list[float], list[float]]:
    """For each tree its median latency, and the median of its ratio to the separate streams right behind it."""
    device = torch.device(profile.device)
    fused = fused_copy(model).to(device)
    x = torch.randn(profile.about["batch"], 3, *profile.size).to(device).to(memory_format=model.memory_format)
    own: list[list[float]] = [[] for _ in trees]
    pairs: list[list[float]] = [[] for _ in trees]
    for _ in range(WARM_UP):
        fused.run_tree(x, fused.anchor_tree)
    for _ in range(rounds):
        for index in np.random.permutation(len(trees)):
            ms = run_ms(lambda index=index: fused.run_tree(x, trees[index]), device)  # type: ignore[misc]
            own[index].append(ms)
            pairs[index].append(ms / run_ms(lambda: fused.run_tree(x, fused.anchor_tree), device))
    return list(map(median, own)), list(map(median, pairs))


def report(name: str, chosen: Sequence[BudgetedTree], latencies: Sequence[float]) -> None:
    """One line."""
    over = [100 * (ms / found.budget.limit - 1) for found, ms in zip(chosen, latencies, strict=True)]
    errors = [100 * abs(found.cost / ms - 1) for found, ms in zip(chosen, latencies, strict=True)]
    kept = sum(value <= ALLOWED_PERCENT for value in over)
    print(
        f"{name}: {kept} of {len(over)} budgets kept within {ALLOWED_PERCENT:.0f} %, at worst {max(over):+.1f} %; "
        f"prediction error mean {mean(errors):.1f} %, worst {max(errors):.1f} %"
    )


if __name__ == "__main__":
    main()
