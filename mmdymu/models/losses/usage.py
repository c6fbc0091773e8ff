"""Exact probabilities that nodes run, and the expected cost, when all decisions are drawn independently."""

from __future__ import annotations

import torch
from torch import Tensor

from .functional import check_edge_probs, node_usage

__all__ = ["MAX_EXACT_TASKS", "expected_share", "expected_usage"]

#: Up to here the 2^N sets of used nodes of a layer are enumerated.
MAX_EXACT_TASKS = 8


def expected_usage(edge_probs: Tensor, *, exact: bool | None = None) -> Tensor:
    """Compute the probability that each node is used when every decision is an independent categorical draw.

    The set of used nodes is a Markov chain from the heads down, over the 2^N subsets of a layer. Nodes of
    one layer are not used independently, which :func:`node_usage` neglects (errors up to 0.23 below the top
    layer).

    Args:
        edge_probs: (..., L, N, N) = (layer, child, parent), rows sum to 1.
        exact: False takes the recursion of :func:`node_usage`; None takes the chain for N <= 8 tasks and the
            recursion beyond; True insists on the chain.

    Returns:
        (..., L, N) in [0, 1].

    Raises:
        ValueError: If ``exact`` is True for more than 8 tasks, or ``edge_probs`` is malformed.
    """
    check_edge_probs(edge_probs)
    tasks = edge_probs.shape[-1]
    if exact and tasks > MAX_EXACT_TASKS:
        raise ValueError(f"exact=True needs 2^N sets and is for at most {MAX_EXACT_TASKS} tasks, got {tasks}")
    if exact is False or (exact is None and tasks > MAX_EXACT_TASKS):
        return node_usage(edge_probs)[..., :-1, :]
    return _set_recursion(edge_probs)


def expected_share(edge_probs: Tensor, node_costs: Tensor, *, exact: bool | None = None) -> Tensor:
    """Compute the expected controllable share of the drawn tree, see :meth:`mmdymu.BranchingTree.share`.

    Args:
        edge_probs: (..., L, N, N), rows sum to 1.
        node_costs: (L, N), what each node costs, non-negative.
        exact: As in :func:`expected_usage`.

    Returns:
        (...,): (E[F] / F of one trunk - 1) / (N - 1), where one trunk counts as the mean over the streams; 0
        for one task.
    """
    layers, tasks = edge_probs.shape[-3:-1] if edge_probs.ndim >= 3 else (0, 0)
    costs = torch.as_tensor(node_costs).to(edge_probs)
    positive = bool((costs >= 0).all()) and 0 < float(costs.sum()) < torch.inf
    if costs.shape != (layers, tasks) or not positive:
        allowed = f"({layers}, {tasks}) finite non-negative numbers, not all zero"
        raise ValueError(f"node_costs must be {allowed}, got {node_costs}")
    relative = costs / (costs.sum() / tasks)
    flow = (expected_usage(edge_probs, exact=exact) * relative).sum(dim=(-2, -1))
    return (flow - 1) / (tasks - 1) if tasks > 1 else torch.zeros_like(flow)


def _set_recursion(edge_probs: Tensor) -> Tensor:
    # Moebius inversion subtracts: float64 keeps the probabilities of rare sets.
    probs = edge_probs.double()
    tasks = probs.shape[-1]
    member = _membership(tasks, probs)
    inversion = _moebius(member)
    # within[..., S, T]: all nodes of S choose a node of T; built by adding one node to S at a time.
    towards = probs @ member.T
    within = torch.ones_like(towards[..., :1, :])
    for child in towards.unbind(dim=-2):
        within = torch.cat([within, within * child.unsqueeze(-2)], dim=-2)
    sets = torch.zeros_like(within[..., 0, 0, :])
    sets[..., -1] = 1.0
    layers = []
    for step in reversed(within.unbind(dim=-3)):
        sets = (sets.unsqueeze(-2) @ step).squeeze(-2) @ inversion
        layers.append(sets @ member)
    return torch.stack(layers[::-1], dim=-2).clamp(0.0, 1.0).to(edge_probs.dtype)


def _membership(tasks: int, like: Tensor) -> Tensor:
    """(2^N, N): 1 where node i is in set s; node i is bit i of s."""
    sets = torch.arange(2**tasks, device=like.device).unsqueeze(-1)
    return ((sets >> torch.arange(tasks, device=like.device)) & 1).to(like.dtype)


def _moebius(member: Tensor) -> Tensor:
    """(2^N, 2^N) matrix from P(used set within T) to P(used set = S)."""
    sizes = member.sum(dim=-1)
    subset = (member @ member.T) == sizes.unsqueeze(-1)
    sign = 1 - 2 * ((sizes.unsqueeze(0) - sizes.unsqueeze(1)) % 2)
    return torch.where(subset, sign, 0.0)
