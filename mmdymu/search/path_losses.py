"""Losses of single paths on many images, each path run once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from mmpretrain.structures import MultiTaskDataSample
from torch import Tensor

from mmdymu.models import ControllableNet
from mmdymu.progress import Progress
from mmdymu.tree import BranchingTree

from .fused import fused_copy
from .path_table import shrink_labels
from .routes import Network, NodeVariants, Route, network_of, run_routes


class PathLosses:
    """Mean losses of the paths of trees, measured when first asked for.

    A task's loss depends on its own path only as long as norms keep running statistics and no weight hypernet acts.
    Labels are picked at the heads' resolution, as in :func:`build_path_table`.

    Args:
        model: Its norms use their running statistics.
        batches: (inputs, data_samples) of the images.
    """

    def __init__(self, model: ControllableNet, batches: Sequence[tuple[Tensor, Sequence[MultiTaskDataSample]]]) -> None:
        self.model = fused_copy(model)
        self._batches = [(inputs, shrink_labels(self.model, inputs, samples)) for inputs, samples in batches]
        self._variants = NodeVariants()
        self._known: dict[Route, float] = {}

    def measure(self, trees: Iterable[BranchingTree]) -> None:
        """Runs what is not known yet of some trees; shared prefixes run once."""
        wanted = {route for tree in trees for route in self._routes(tree)} - self._known.keys()
        if not wanted:
            return
        bar = Progress(f"losses of {len(wanted)} paths", len(self._batches))
        counts = [self.model.task_counts(samples) for _, samples in self._batches]
        images = [max(sum(task), 1) for task in zip(*counts, strict=True)]
        sums = dict.fromkeys(wanted, 0.0)
        for (inputs, samples), seen in zip(self._batches, counts, strict=True):
            for route, loss in self._run(inputs, samples, wanted):
                sums[route] += loss * seen[route.task] / images[route.task]
            bar.update()
        self._known.update(sums)

    def __call__(self, tree: BranchingTree) -> np.ndarray:
        """(N,) losses of a tree's tasks."""
        self.measure([tree])
        return np.array([self._known[route] for route in self._routes(tree)])

    def _routes(self, tree: BranchingTree) -> Network:
        return network_of(self._variants, tree)

    @torch.no_grad()
    def _run(
        self, inputs: Tensor, samples: Sequence[MultiTaskDataSample], wanted: Iterable[Route]
    ) -> Iterator[tuple[Route, float]]:
        for route, raw in run_routes(self.model, self._variants, inputs, wanted):
            loss, _ = self.model.task_loss(self.model.tasks[route.task], raw, samples)
            yield route, float(loss)
