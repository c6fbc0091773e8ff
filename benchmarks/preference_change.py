"""Time of a preference change: hypernets, tree and norm parameters of ResNet-50 with five tasks on two threads.

Run from the repository's root: python benchmarks/preference_change.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.registry import init_default_scope

import mmdymu  # noqa: F401  (checks the dependencies)
from mmdymu.models import ControllableSegmentor
from mmdymu.preference import Preference
from mmdymu.registry import MODELS

TASKS = ("semseg", "parts", "saliency", "normals", "edges")
RUNS, WARM_UP, THREADS = 50, 10, 2
CONTRACT_MS = 20.0


def main() -> None:
    """Prints medians and extremes in milliseconds."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    model = build()
    rng = np.random.default_rng(0)
    preferences = [Preference.sample(TASKS, rng) for _ in range(RUNS)]
    print(f"{len(TASKS)} tasks, ResNet-50, {THREADS} threads, {RUNS} changes; milliseconds")
    print(f"{'':40} median     min     max")
    used = sum(model.set_preference(preference).num_used for preference in preferences) / RUNS
    measure(f"set_preference ({used:.1f} of 25 nodes used)", model.set_preference, preferences)
    measure("  edge hypernet and tree", model.predict_tree, preferences)
    # The tree of most nodes is the slowest: its logits favour every node's own stream.
    with torch.no_grad():
        own = torch.eye(len(TASKS)).expand(model.num_layers, -1, -1)
        model.edge_hypernet.logits.bias.copy_(100 * own.flatten())  # type: ignore[union-attr, operator]
    used = model.set_preference(preferences[0]).num_used
    median = measure(f"set_preference ({used} of 25 nodes used)", model.set_preference, preferences)
    print(f"contract: below {CONTRACT_MS:.0f} ms, {'met' if median < CONTRACT_MS else 'NOT met'}")


def build() -> ControllableSegmentor:
    """An untrained model of the size that the contract names; weights do not matter for the time."""
    init_default_scope("mmdymu")
    head = {
        "type": "mmseg.FCNHead",
        "in_channels": 2048,
        "in_index": 3,
        "channels": 16,
        "num_convs": 1,
        "num_classes": 2,
    }
    config: dict[str, Any] = {
        "type": "mmdymu.ControllableSegmentor",
        "tasks": TASKS,
        "stream": {"backbone": {"type": "mmseg.ResNet", "depth": 50}},
        "heads": {task: dict(head) for task in TASKS},
        "weight_hypernet": {"type": "mmdymu.WeightHypernet"},
    }
    return MODELS.build(config).eval()


@torch.no_grad()
def measure(name: str, function: Callable[[Preference], Any], preferences: list[Preference]) -> float:
    """Prints and returns the median time of a call, in milliseconds."""
    for preference in preferences[:WARM_UP]:
        function(preference)
    times = []
    for preference in preferences:
        start = time.perf_counter()
        function(preference)
        times.append(1e3 * (time.perf_counter() - start))
    median = statistics.median(times)
    print(f"{name:40} {median:6.2f}  {min(times):6.2f}  {max(times):6.2f}")
    return median


if __name__ == "__main__":
    main()
