"""Which statistics the batch norms of frozen modules use."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

NORM_STATISTICS = ("running", "batch", "calibrated")
"""Settings at test time: the anchor's running statistics, those of the test batch, or re-calibrated ones."""


def batch_norms(module: nn.Module) -> Iterator[tuple[str, _BatchNorm]]:
    """The batch norms of a module that keep running statistics, by name."""
    for name, norm in module.named_modules():
        if isinstance(norm, _BatchNorm) and norm.running_mean is not None:
            yield name, norm


def use_batch_statistics(module: nn.Module) -> None:
    """Batch norms normalise with the batch's own statistics and leave their buffers alone."""
    for _, norm in batch_norms(module):
        norm.train()
        norm.track_running_stats = False


def use_running_statistics(module: nn.Module) -> None:
    """Undoes :func:`use_batch_statistics`: batch norms are in evaluation mode again."""
    for _, norm in batch_norms(module):
        norm.eval()
        norm.track_running_stats = True


def update_running_statistics(module: nn.Module) -> None:
    """Batch norms train as usual: batch statistics, and buffers that follow them."""
    for _, norm in batch_norms(module):
        norm.train()
        norm.track_running_stats = True


def fresh_statistics(module: nn.Module) -> dict[str, Tensor]:
    """Empty running statistics of a module, by buffer name."""
    empty = {"running_mean": torch.zeros_like, "running_var": torch.ones_like, "num_batches_tracked": torch.zeros_like}
    return {
        f"{name}.{buffer}": make(norm.get_buffer(buffer))
        for name, norm in batch_norms(module)
        for buffer, make in empty.items()
    }
