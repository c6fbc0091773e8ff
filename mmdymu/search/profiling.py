"""Measures a :class:`NodeProfile`: many different trees run in turns, each part's time is the median over all runs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmdymu.models import ControllableNet
from mmdymu.progress import Progress
from mmdymu.tree import BranchingTree
from mmdymu.version import __version__

from .fused import fused_copy
from .profile import NodeProfile, model_signature
from .stopwatch import PartTimes, run_ms

__all__ = ["ProfileSettings", "drawn_trees", "latency_error", "measure_profile", "robust_line"]

_WARM_UP = 3
_OWN = 0.9
# Sums that are closer than that share say nothing about a slope.
_APART = 0.05


@dataclass(frozen=True)
class ProfileSettings:
    """How a profile is measured.

    Attributes:
        size: (height, width) of the images; None is the model's ``image_size``.
        batch: Images in a batch.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        threads: Of a CPU; None leaves what torch has.
        trees: Trees that are run to measure the parts, and as many others to measure the error.
        rounds: How often each runs.
        seed: Of the trees.

    Raises:
        ValueError: If a number is out of range.
    """

    size: tuple[int, int] | None = None
    batch: int = 1
    device: str = "cpu"
    threads: int | None = None
    trees: int = 12
    rounds: int = 15
    seed: int = 0

    def __post_init__(self) -> None:
        """Validates."""
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 1):
            raise ValueError(f"size={self.size!r} must be height and width, at least 1")
        numbers = {"batch": self.batch, "threads": self.threads, "trees": self.trees, "rounds": self.rounds}
        for name, value in numbers.items():
            if value is not None and value < 1:
                raise ValueError(f"{name}={value!r} must be at least 1")
        if self.device.split(":")[0] not in ("cpu", "cuda"):
            raise ValueError(f"device={self.device!r} must be 'cpu', 'cuda' or 'cuda:N'")
        if self.device != "cpu" and not torch.cuda.is_available():
            raise ValueError(f"device={self.device!r}, but torch finds no GPU: use device='cpu'")


@torch.no_grad()
def measure_profile(model: ControllableNet, settings: ProfileSettings | None = None) -> NodeProfile:
    """Time the parts of a model, and tell how well their sums predict whole networks.

    Batch norms are folded into the convolutions, as in a deployed network. Nodes and heads are timed inside networks
    that run as always, with the features that these compute. All trees run in turns, so that a disturbance meets all
    alike.

    Args:
        model: It is left as it is.
        settings: How to measure.

    Returns:
        The profile. ``about["error"]`` is that of trees other than those that the parts were measured in. Parts are
        scaled by ``about["scale"]`` so that their sums meet whole networks: about 1 on a quiet device; on a busy one
        more, because a disturbance adds to the median of a network but hardly to those of its short parts.
    """
    asked = settings or ProfileSettings()
    device = torch.device(asked.device)
    fused = fused_copy(model).to(device)
    height, width = asked.size or model.image_size
    x = torch.randn(asked.batch, 3, height, width, generator=torch.Generator().manual_seed(asked.seed)).to(device)
    x = x.to(memory_format=model.memory_format)
    every = drawn_trees(model.num_tasks, model.num_layers, 2 * asked.trees, asked.seed)
    with _threads(asked.threads):
        nodes, heads, wholes = _run_all(fused, x, every, asked)
        threads = torch.get_num_threads()
    about = {**_surroundings(device, threads), "batch": asked.batch, "trees": asked.trees, "rounds": asked.rounds}
    signature = model_signature(model)
    parts = NodeProfile(tuple(nodes), tuple(heads), 0.0, (height, width), device.type, signature, about)
    known, others = slice(0, None, 2), slice(1, None, 2)
    scale, overhead = robust_line([parts.latency_ms(tree) for tree in every[known]], wholes[known])
    profile = replace(
        parts,
        node_ms=tuple(scale * ms for ms in parts.node_ms),
        head_ms=tuple(scale * ms for ms in parts.head_ms),
        overhead_ms=overhead,
    )
    about = {**about, "scale": scale}
    return replace(profile, about={**about, "error": latency_error(profile, every[others], wholes[others])})


def robust_line(sums: Sequence[float], wholes: Sequence[float]) -> tuple[float, float]:
    """Fit whole = scale * sum + overhead by medians of slopes and rests (Theil and Sen).

    Args:
        sums: Positive.
        wholes: What was measured for each.

    Returns:
        The scale, positive, and the overhead, not negative.
    """
    points = list(zip(sums, wholes, strict=True))
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if abs(b[0] - a[0]) > _APART * a[0]]
    if slopes and (scale := median(slopes)) > 0:
        overhead = median(whole - scale * total for total, whole in points)
        if overhead >= 0:
            return scale, overhead
    return median(whole / total for total, whole in points), 0.0


def latency_error(profile: NodeProfile, trees: Sequence[BranchingTree], measured_ms: Sequence[float]) -> dict[str, Any]:
    """Compare predicted with measured latencies.

    Args:
        profile: Predicts.
        trees: What was run.
        measured_ms: Its latencies.

    Returns:
        ``mean_percent`` and ``worst_percent`` of the absolute differences in per cent of what was measured, and the
        pairs.
    """
    pairs = [(profile.latency_ms(tree), ms) for tree, ms in zip(trees, measured_ms, strict=True)]
    errors = [100 * abs(predicted - ms) / ms for predicted, ms in pairs]
    return {
        "mean_percent": float(np.mean(errors)),
        "worst_percent": max(errors),
        "predicted_ms": [predicted for predicted, _ in pairs],
        "measured_ms": [ms for _, ms in pairs],
    }


def drawn_trees(num_tasks: int, num_layers: int, count: int, seed: int) -> list[BranchingTree]:
    """Trees between one trunk and separate streams, by rising number of nodes.

    Args:
        num_tasks: N.
        num_layers: L.
        count: Number of trees; some may be equal where there are few.
        seed: Of the trees.

    Returns:
        The trees.
    """
    rng = np.random.default_rng(seed)
    trees = []
    for branch in np.linspace(num_layers, 0, count).round().astype(int):
        common, own = rng.integers(num_tasks, size=(num_layers, 1)), np.arange(num_tasks)
        # Behind the branch most children keep to their own stream.
        keeps = (np.arange(num_layers)[:, None] >= branch) & (rng.random((num_layers, num_tasks)) < _OWN)
        trees.append(BranchingTree(tuple(map(tuple, np.where(keeps, own, common).tolist()))))
    return sorted(trees, key=lambda tree: tree.num_used)


def _run_all(
    model: ControllableNet, x: Tensor, trees: Sequence[BranchingTree], settings: ProfileSettings
) -> tuple[list[float], list[float], list[float]]:
    """Medians for every layer's nodes, every head and every tree."""
    parts: dict[Any, nn.Module] = {
        (layer, stream): model.backbone.node((layer, stream))
        for layer in range(model.num_layers)
        for stream in range(model.num_tasks)
    }
    parts.update(dict(model.heads.items()))
    watch = PartTimes(parts, x.device)
    calls: dict[Any, list[float]] = {}
    wholes: list[list[float]] = [[] for _ in trees]
    rng = np.random.default_rng(settings.seed)
    for _ in range(_WARM_UP):
        model.run_tree(x, model.anchor_tree)
    bar = Progress("latency", settings.rounds)
    for _ in range(settings.rounds):
        for index in rng.permutation(len(trees)):
            tree = trees[index]
            wholes[index].append(run_ms(lambda tree=tree: model.run_tree(x, tree), x.device))  # type: ignore[misc]
            with watch.watching():
                model.run_tree(x, tree)
            for name, ms in watch.take():
                calls.setdefault(name[0] if isinstance(name, tuple) else name, []).append(ms)
        bar.update()
    nodes = [median(calls[layer]) for layer in range(model.num_layers)]
    return nodes, [median(calls[task]) for task in model.tasks], [median(times) for times in wholes]


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _surroundings(device: torch.device, threads: int) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "device_name": name,
        "threads": threads,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"mmdymu": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }
