"""A sweep's folder: what was run, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmdymu.tree import BranchingTree

from .summary import SweepSummary

__all__ = ["Bracket", "Run", "SingleTask", "SweepHeader", "SweepRecord"]


@dataclass(frozen=True)
class SweepHeader:
    """What was swept; the image size is (height, width) in pixels. Config and checkpoint are '' where not known.

    ``listed``: the preferences were given and not drawn with the seed. ``single_from``: the sweep whose single-task
    nets everything is compared to; '' where it is this one.
    """

    config: str
    checkpoint: str
    weights_sha256: str
    tasks: tuple[str, ...]
    preferences: int
    cost_weights: tuple[float, ...]
    seed: int
    norm_statistics: str
    images: int
    references: tuple[float, ...]
    image_size: tuple[float, ...]
    version: str
    listed: bool = False
    single_from: str = ""


@dataclass(frozen=True)
class SingleTask:
    """The single-task nets: test losses in task order, metrics by ``task/metric``, multiply-adds per image."""

    losses: tuple[float, ...]
    metrics: Mapping[str, float]
    flops: float
    params: float
    nodes_used: float


@dataclass(frozen=True)
class Run:
    """One preference at one cost weight: its tree, its cost and how well it did; NaN = not known."""

    index: int
    weights: tuple[float, ...]
    cost_weight: float
    tree: BranchingTree
    flops: float
    params: float
    share: float
    nodes_used: float
    losses: tuple[float, ...]
    metrics: Mapping[str, float]
    delta_m: float


@dataclass(frozen=True)
class Bracket:
    """A tree that is compared with a run's at equal share; ``index`` is the run's."""

    index: int
    choice: str
    share: float
    losses: tuple[float, ...]


@dataclass(frozen=True)
class SweepRecord:
    """A finished sweep.

    Attributes:
        header: What was swept.
        single: The single-task nets, to which losses are compared.
        runs: One per preference and cost weight.
        brackets: Trees compared at equal share; empty where the sweep has none.
        summary: Means, curves and chosen trees.
    """

    header: SweepHeader
    single: SingleTask
    runs: tuple[Run, ...]
    brackets: tuple[Bracket, ...]
    summary: SweepSummary

    @property
    def tasks(self) -> tuple[str, ...]:
        """Task names; every vector follows their order."""
        return self.header.tasks

    @cached_property
    def losses(self) -> np.ndarray:
        """(runs, N) test losses divided by the single-task nets'; NaN = not known."""
        return self.normalised([run.losses for run in self.runs])

    @cached_property
    def weights(self) -> np.ndarray:
        """(runs, N) preferences."""
        return np.array([run.weights for run in self.runs], dtype=np.float64)

    @cached_property
    def cost_weights(self) -> np.ndarray:
        """(runs,) cost weights."""
        return np.array([run.cost_weight for run in self.runs], dtype=np.float64)

    def normalised(self, losses: Sequence[Sequence[float]]) -> np.ndarray:
        """Divide losses by the single-task nets'.

        Args:
            losses: (K, N) test losses.

        Returns:
            (K, N); NaN where a loss is not known or the single-task net's is not positive.
        """
        single = np.array(self.single.losses, dtype=np.float64)
        values = np.array(losses, dtype=np.float64).reshape(-1, len(self.tasks))
        return values / np.where(single > 0, single, np.nan)
