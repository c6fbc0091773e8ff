"""Regularisers of the branching decisions and the task affinity, as pure functions.

Source: Raychaudhuri et al., "Controllable Dynamic Multi-Task Architectures", CVPR 2022, section 4.3.

Everywhere ``edge_probs[..., l, j, k]`` is the probability that node (l + 1, j) takes node (l, k), shape
(..., L, N, N) with rows that sum to 1; layer L are the heads. Leading dimensions are batch dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from mmdymu.preference import ACTIVE_FRACTION, ACTIVE_TOLERANCE

__all__ = [
    "active_loss",
    "active_tasks",
    "check_edge_probs",
    "inactive_loss",
    "node_usage",
    "rsa_affinity",
]

UsageLevel = Literal["child", "parent"]

# Wide enough for half precision, narrow enough to catch logits and transposed tables.
_PROBABILITY_TOLERANCE = 1e-2
# Spread, per image, below which float64 distances or similarities count as constant.
_CONSTANT = 1e-9


def node_usage(edge_probs: Tensor) -> Tensor:
    """Compute how likely each node is used, as if the nodes that choose were used independently.

    P(L, i) = 1 and P(l, i) = 1 - prod_k (1 - P(l + 1, k) * edge_probs[l, k, i]). Exact for one-hot decisions;
    :func:`mmdymu.models.losses.usage.expected_usage` is exact for all.

    Args:
        edge_probs: (..., L, N, N), rows sum to 1.

    Returns:
        (..., L + 1, N) in [0, 1]; the last row, the heads, is ones.
    """
    check_edge_probs(edge_probs)
    usage = [torch.ones_like(edge_probs[..., 0, 0, :])]
    for probs in reversed(edge_probs.unbind(dim=-3)):
        # The product form has finite gradients at one-hot decisions, where a sum of logarithms has not.
        usage.append(1 - (1 - usage[-1].unsqueeze(-1) * probs).prod(dim=-2))
    return torch.stack(usage[::-1], dim=-2)


def active_loss(
    edge_probs: Tensor,
    active: Tensor,
    affinity: Tensor | None,
    *,
    usage_level: UsageLevel = "child",
    normalize: bool = True,
    depth_weighting: bool = True,
) -> Tensor:
    """Pull the choices of active tasks that are alike together, more so in early layers.

    Sum over layers l = 0..L-1 and ordered pairs i != j of active tasks of
    (L - 1 - l) / L * affinity[i, j] * P(i) * P(j) * ||edge_probs[l, i] - edge_probs[l, j]||^2.

    Args:
        edge_probs: (..., L, N, N), rows sum to 1.
        active: (..., N) booleans.
        affinity: (N, N), how alike two tasks are; None takes all pairs for alike, 1 everywhere.
        usage_level: 'child' takes P of the nodes that choose, P(l + 1, .); 'parent' takes P(l, .), as the
            paper prints it.
        normalize: Divide by the number of ordered active pairs (0 where there is none).
        depth_weighting: False leaves out the factor (L - 1 - l) / L, so that all layers, the heads' own choice
            included, count the same.

    Returns:
        (...,), a scalar for a single input.
    """
    check_edge_probs(edge_probs)
    _check_active(active, edge_probs)
    layers, tasks = edge_probs.shape[-3:-1]
    if affinity is None:
        affinity = edge_probs.new_ones(tasks, tasks)
    if affinity.shape != (tasks, tasks) or not bool(torch.isfinite(affinity).all()):
        raise ValueError(f"affinity must be a finite ({tasks}, {tasks}) matrix, got {affinity}")
    if usage_level not in get_args(UsageLevel):
        raise ValueError(f"usage_level must be one of {get_args(UsageLevel)}, got {usage_level!r}")
    usage = node_usage(edge_probs)
    usage = usage[..., 1:, :] if usage_level == "child" else usage[..., :-1, :]
    distances = _squared_distances(edge_probs) * usage.unsqueeze(-1) * usage.unsqueeze(-2)
    if depth_weighting:
        depth = torch.arange(layers, device=edge_probs.device, dtype=edge_probs.dtype)
        distances = distances * ((layers - 1 - depth) / layers)[:, None, None]
    per_pair = distances.sum(dim=-3)
    both = active.unsqueeze(-1) & active.unsqueeze(-2)
    pairs = (both & ~torch.eye(tasks, dtype=torch.bool, device=both.device)).to(edge_probs.dtype)
    total = (per_pair * affinity.to(edge_probs) * pairs).sum(dim=(-2, -1))
    return total / pairs.sum(dim=(-2, -1)).clamp(min=1) if normalize else total


def inactive_loss(edge_probs: Tensor, active: Tensor, *, normalize: bool = True) -> Tensor:
    """Let every inactive task follow the choices of some active task.

    Sum over layers and inactive tasks j of min over active i of ||edge_probs[l, i] - edge_probs[l, j]||^2.

    Args:
        edge_probs: (..., L, N, N), rows sum to 1.
        active: (..., N) booleans, at least one of them true.
        normalize: Divide by the number of inactive tasks (0 where there is none).

    Returns:
        (...,), a scalar for a single input.
    """
    check_edge_probs(edge_probs)
    _check_active(active, edge_probs)
    if not bool(active.any(dim=-1).all()):
        raise ValueError(f"active must have at least one active task, got {active}")
    leader = active.unsqueeze(-2).unsqueeze(-1)
    nearest = _squared_distances(edge_probs).masked_fill(~leader, torch.inf).amin(dim=-2)
    inactive = (~active).to(edge_probs.dtype)
    total = (nearest.sum(dim=-2) * inactive).sum(dim=-1)
    return total / inactive.sum(dim=-1).clamp(min=1) if normalize else total


@torch.no_grad()
def rsa_affinity(features: Sequence[Tensor], *, scale_rows: bool = True) -> Tensor:
    """Compute how alike the tasks' features see the same images (representational similarity analysis).

    Per layer and task, the K x K cosine similarities between the images. With ``scale_rows``, the Frobenius
    distances between two tasks' matrices, every row (its diagonal included) scaled to [0, 1], taken from 1; a
    constant row gives 1. Without, the Pearson correlation of the two matrices' off-diagonal entries, which is
    what two tasks need: row scaling leaves nothing but 0 and 1 there. Not differentiable.

    Args:
        features: Per layer (N, K, D): task, image, flattened feature. D may differ between layers.
        scale_rows: Which of the two measures.

    Returns:
        (N, N), mean over the layers; in [0, 1] with ``scale_rows``, else in [-1, 1].
    """
    if len(features) == 0:
        raise ValueError("features must have at least one layer, got none")
    least = 2 if scale_rows else 3
    for feature in features:
        _check_features(feature, features[0].shape[0], least)
    measure = _row_scaled_affinity if scale_rows else _correlation
    layers = [measure(_similarities(feature)) for feature in features]
    return torch.stack(layers).mean(dim=0).to(features[0].dtype)


def active_tasks(weights: Tensor, threshold: float | None = None) -> Tensor:
    """Tell which tasks are active, by the rule of :meth:`mmdymu.Preference.active`.

    Args:
        weights: (..., N) preferences, each with sum 1.
        threshold: The smallest weight of an active task; None means 0.6 / N. The largest weight is
            always active.

    Returns:
        (..., N) booleans.
    """
    limit = ACTIVE_FRACTION / weights.shape[-1] if threshold is None else threshold
    return weights >= weights.amax(dim=-1, keepdim=True).clamp(max=limit) - ACTIVE_TOLERANCE


def check_edge_probs(edge_probs: Tensor) -> None:
    """Refuse what is not a table of branching probabilities.

    Args:
        edge_probs: (..., L, N, N).

    Raises:
        ValueError: If the shape is wrong or the rows are no distributions.
    """
    shape = tuple(edge_probs.shape)
    if len(shape) < 3 or shape[-1] != shape[-2] or 0 in shape[-3:] or not edge_probs.is_floating_point():
        raise ValueError(f"edge_probs must be floating point of shape (..., L, N, N), got {shape} {edge_probs.dtype}")
    probs = edge_probs.detach()
    off = torch.maximum((probs.sum(dim=-1) - 1).abs().amax(), -probs.amin()) if probs.numel() else probs.sum()
    if not bool(off <= _PROBABILITY_TOLERANCE):
        raise ValueError(
            "edge_probs[..., l, j, :] must be probabilities that sum to 1 (softmax of the logits over the "
            f"last axis, the parents), but an entry or a sum is off by {float(off):.3g}"
        )


def _check_active(active: Tensor, edge_probs: Tensor) -> None:
    expected = (*edge_probs.shape[:-3], edge_probs.shape[-1])
    if active.dtype != torch.bool or tuple(active.shape) not in (expected, expected[-1:]):
        raise ValueError(f"active must be boolean of shape {expected}, got {tuple(active.shape)} {active.dtype}")


def _squared_distances(edge_probs: Tensor) -> Tensor:
    """(..., L, N, N): ||edge_probs[l, i] - edge_probs[l, j]||^2."""
    return (edge_probs.unsqueeze(-2) - edge_probs.unsqueeze(-3)).square().sum(dim=-1)


def _check_features(feature: Tensor, tasks: int, least: int) -> None:
    shape = tuple(feature.shape)
    if len(shape) != 3 or shape[0] != tasks or shape[1] < least or shape[2] == 0:
        raise ValueError(f"features must be ({tasks}, K, D) in every layer with K >= {least} images, got {shape}")
    if not feature.is_floating_point() or not bool(torch.isfinite(feature).all()):
        raise ValueError(f"features must be finite floating point, got {feature.dtype} with NaN, inf or integers")


def _similarities(feature: Tensor) -> Tensor:
    """(N, K, K) cosine similarities; one task at a time, since features can be large."""
    tasks = []
    for task in feature:
        unit = torch.nn.functional.normalize(task.double(), dim=-1)
        tasks.append(unit @ unit.T)
    return torch.stack(tasks)


def _row_scaled_affinity(similarities: Tensor) -> Tensor:
    flat = similarities.flatten(start_dim=1)
    distances = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    low = distances.amin(dim=-1, keepdim=True)
    spread = distances.amax(dim=-1, keepdim=True) - low
    constant = spread <= _CONSTANT * similarities.shape[-1]
    return torch.where(constant, 1.0, 1 - (distances - low) / spread.masked_fill(constant, 1.0))


def _correlation(similarities: Tensor) -> Tensor:
    images = similarities.shape[-1]
    off_diagonal = ~torch.eye(images, dtype=torch.bool, device=similarities.device)
    entries = similarities[:, off_diagonal]
    entries = entries - entries.mean(dim=-1, keepdim=True)
    norms = entries.norm(dim=-1, keepdim=True)
    constant = norms <= _CONSTANT * images
    entries = entries / norms.masked_fill(constant, 1.0)
    # Matrices without spread agree with one another and with nothing else.
    correlation = (entries @ entries.T).clamp(-1.0, 1.0)
    return torch.where(constant & constant.T, 1.0, correlation.masked_fill(constant | constant.T, 0.0))
