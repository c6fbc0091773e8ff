"""Losses of single paths on many images, each path run once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from mmpretrain.structures import MultiTaskDataSample
from torch import Tensor

from mmdymu.models import ControllableNet
from mmdymu.progress import Progress
from mmdymu.tree import BranchingTree

from .fused import fused_copy
from .path_table import shrink_labels

TaskPath = tuple[int, tuple[int, ...]]
"""(task, streams of its nodes from the image to the head)."""


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
        self._known: dict[TaskPath, float] = {}

    def measure(self, trees: Iterable[BranchingTree]) -> None:
        """Runs what is not known yet of some trees; shared prefixes run once."""
        wanted = {(task, path) for tree in trees for task, path in enumerate(tree.paths)} - self._known.keys()
        if not wanted:
            return
        bar = Progress(f"losses of {len(wanted)} paths", len(self._batches))
        counts = [self.model.task_counts(samples) for _, samples in self._batches]
        images = [max(sum(task), 1) for task in zip(*counts, strict=True)]
        sums = dict.fromkeys(wanted, 0.0)
        for (inputs, samples), seen in zip(self._batches, counts, strict=True):
            for key, loss in self._run(inputs, samples, wanted).items():
                sums[key] += loss * seen[key[0]] / images[key[0]]
            bar.update()
        self._known.update(sums)

    def __call__(self, tree: BranchingTree) -> np.ndarray:
        """(N,) losses of a tree's tasks."""
        self.measure([tree])
        return np.array([self._known[task, path] for task, path in enumerate(tree.paths)])

    @torch.no_grad()
    def _run(
        self, inputs: Tensor, samples: Sequence[MultiTaskDataSample], wanted: Iterable[TaskPath]
    ) -> dict[TaskPath, float]:
        model, losses = self.model, {}

        def visit(x: Tensor, prefix: tuple[int, ...], features: tuple[Tensor, ...], below: list[TaskPath]) -> None:
            layer = len(prefix)
            if layer == model.num_layers:
                for task, path in below:
                    name = model.tasks[task]
                    raw = model.heads[name](features)
                    loss, _ = model.task_loss(name, raw, samples)
                    losses[task, path] = float(loss)
                return
            for stream in sorted({path[layer] for _, path in below}):
                y = model.backbone.run_node((layer, stream), x)
                seen = (*features, y) if layer in model.backbone.out_layers else features
                visit(y, (*prefix, stream), seen, [key for key in below if key[1][layer] == stream])

        visit(inputs, (), (), sorted(wanted))
        return losses
