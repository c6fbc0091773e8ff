"""Norm statistics of one selected network, measured on training images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mmdymu.models import ControllableNet
from mmdymu.models.backbones import Node
from mmdymu.models.norms import batch_norms, fresh_statistics
from mmdymu.models.segmentors import Selection

from .frames import Batch

_COUNTER = "num_batches_tracked"


@torch.no_grad()
def calibrate(model: ControllableNet, selection: Selection, batches: Sequence[Batch]) -> dict[Node, dict[str, Tensor]]:
    """Measures the batch-norm statistics of a tree's nodes and heads; the model itself is left as it was.

    Args:
        model: The model; its norm statistics are not touched.
        selection: Tree and norm parameters.
        batches: Training images; each batch counts the same.

    Returns:
        Running means and variances by node, heads as nodes of layer L, as
        :meth:`ControllableNet.attach_states` takes them.
    """
    modules = model.tree_parts(selection.tree)
    statistics = {node: fresh_statistics(module) for node, module in modules.items()}
    states = selection.with_states(statistics).node_states
    with _cumulative_norms(modules):
        for batch in batches:
            model.run_tree(batch.inputs, selection.tree, states, model.task_rows(batch.data_samples))
    return {node: _measured(state) for node, state in statistics.items() if state}


@contextmanager
def _cumulative_norms(modules: Mapping[Node, nn.Module]) -> Iterator[None]:
    """Norms use batch statistics and average them over the batches (momentum None)."""
    norms = [norm for module in modules.values() for _, norm in batch_norms(module)]
    before = [(norm.momentum, norm.training, norm.track_running_stats) for norm in norms]
    for norm in norms:
        norm.momentum, norm.track_running_stats = None, True
        norm.train()
    try:
        yield
    finally:
        for norm, (momentum, training, track) in zip(norms, before, strict=True):
            norm.momentum, norm.track_running_stats = momentum, track
            norm.train(training)


def _measured(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Means and variances of the norms that saw an image."""
    counters = {name.removesuffix(_COUNTER): value for name, value in state.items() if name.endswith(_COUNTER)}
    seen = tuple(norm for norm, count in counters.items() if count > 0)
    return {name: value for name, value in state.items() if name.startswith(seen) and not name.endswith(_COUNTER)}
