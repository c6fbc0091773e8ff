"""What the hypernets see of a preference."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class PreferenceEmbedding(nn.Module):
    """p = Σ_i r_i e_i + c e_c with learnt e_i, e_c (DYMU, section 4.1).

    Args:
        num_tasks: Number of tasks, N.
        dim: Size of the embedding.
    """

    def __init__(self, num_tasks: int, dim: int = 32) -> None:
        super().__init__()
        self.tasks = nn.Parameter(torch.randn(num_tasks, dim))
        self.cost = nn.Parameter(torch.randn(dim))

    def forward(self, weights: Tensor, cost_weight: Tensor) -> Tensor:
        """Embeds preferences.

        Args:
            weights: (B, N), on the simplex.
            cost_weight: (B,), in [0, 1].

        Returns:
            (B, dim).
        """
        return weights @ self.tasks + cost_weight.unsqueeze(-1) * self.cost


def mlp(in_features: int, hidden: int, layers: int) -> nn.Sequential:
    """``layers`` times Linear and ReLU, all of width ``hidden``."""
    sizes = [in_features] + [hidden] * layers
    steps: list[nn.Module] = []
    for before, after in pairwise(sizes):
        steps += [nn.Linear(before, after), nn.ReLU(inplace=True)]
    return nn.Sequential(*steps)
