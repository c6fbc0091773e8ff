"""Expectations under the distribution of trees in which every decision is an independent categorical draw.

All are exact, batched and differentiable; ``edge_probs[..., l, j, k]`` is the probability that node
(l + 1, j) takes node (l, k), shape (..., L, N, N).
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmdymu.models.losses.functional import check_edge_probs
from mmdymu.models.losses.usage import expected_share, expected_usage

__all__ = ["expected_share", "expected_task_losses", "expected_usage"]


def expected_task_losses(table: Tensor, edge_probs: Tensor) -> Tensor:
    """Compute every task's expected loss.

    Args:
        table: (N, N, ..., N) with L + 1 axes; ``table[j, i_0, ..., i_{L-1}]`` is the loss of head j along
            that path.
        edge_probs: (..., L, N, N), rows sum to 1.

    Returns:
        (..., N).

    Raises:
        ValueError: If the shapes do not agree or ``edge_probs`` is malformed.
    """
    check_edge_probs(edge_probs)
    batch, (layers, tasks) = edge_probs.shape[:-3], edge_probs.shape[-3:-1]
    if tuple(table.shape) != (tasks,) * (layers + 1):
        expected, found = f"{layers + 1} axes of size {tasks}", tuple(table.shape)
        raise ValueError(f"table must have {expected} for edge_probs {tuple(edge_probs.shape)}, got {found}")
    probs = edge_probs.reshape(-1, layers, tasks, tasks)
    # Meeting in the middle: the table is touched by one matrix product, all else has about N^(L/2) entries.
    middle = layers // 2
    before = _below(probs[:, :middle])
    after = _above(probs[:, middle:])
    blocks = table.to(probs).reshape(tasks, tasks**middle, tasks, -1)
    by_node = blocks.permute(2, 0, 3, 1).reshape(tasks, -1, tasks**middle)
    partial = (by_node @ before.permute(1, 2, 0)).reshape(tasks, tasks, -1, len(probs))
    return torch.einsum("kjrb,bjkr->bj", partial, after).reshape(*batch, tasks)


def _below(probs: Tensor) -> Tensor:
    """(B, N, N^m): probability of the path (i_0, ..., i_{m-1}) below node (m, i), for (B, m, N, N)."""
    count, tasks = len(probs), probs.shape[-1]
    paths = probs.new_ones(count, tasks, 1)
    for step in probs.unbind(dim=1):
        paths = (step.unsqueeze(-2) * paths.mT.unsqueeze(1)).reshape(count, tasks, -1)
    return paths


def _above(probs: Tensor) -> Tensor:
    """(B, N, N, N^(m-1)): probability of the path (i_0, ..., i_{m-1}) below head j, for (B, m, N, N)."""
    *lower, top = probs.unbind(dim=1)
    paths = top.unsqueeze(-1)
    for step in reversed(lower):
        longer = step.mT[:, None, :, :, None] * paths.unsqueeze(2)
        paths = longer.flatten(start_dim=3)
    return paths
