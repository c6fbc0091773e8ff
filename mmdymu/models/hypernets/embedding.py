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
        self.tasks = nn.Parameter(torch.empty(num_tasks, dim))
        self.cost = nn.Parameter(torch.empty(dim))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws e_i and e_c anew."""
        nn.init.normal_(self.tasks)
        nn.init.normal_(self.cost)

    def forward(self, weights: Tensor, cost_weight: Tensor) -> Tensor:
        """Embeds preferences.

        Args:
            weights: (B, N), on the simplex.
            cost_weight: (B,), in [0, 1].

        Returns:
            (B, dim).
        """
        return weights @ self.tasks + cost_weight.unsqueeze(-1) * self.cost


def reset_layers(module: nn.Module) -> None:
    """Draws the weights of all linear layers and embeddings inside a module anew."""
    for layer in module.modules():
        if isinstance(layer, (PreferenceEmbedding, nn.Linear)):
            layer.reset_parameters()


def mlp(in_features: int, hidden: int, layers: int) -> nn.Sequential:
    """``layers`` times Linear and ReLU, all of width ``hidden``."""
    sizes = [in_features] + [hidden] * layers
    steps: list[nn.Module] = []
    for before, after in pairwise(sizes):
        steps += [nn.Linear(before, after), nn.ReLU(inplace=True)]
    return nn.Sequential(*steps)
