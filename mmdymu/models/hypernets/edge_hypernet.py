"""The edge hypernet: from a preference to the logits of all branching decisions."""

from __future__ import annotations

from torch import Tensor, nn

from mmdymu.registry import MODELS

from .embedding import PreferenceEmbedding, mlp, reset_layers


@MODELS.register_module()
class EdgeHypernet(nn.Module):
    """h(r, c): an MLP with one linear output of N·N logits a layer (DYMU, section 4.1).

    The linear outputs of all layers are one matrix, which is the same map.

    Args:
        num_tasks: Number of tasks and streams, N.
        num_layers: Number of layers that are decided, L.
        embedding_dim: Size of the preference embedding.
        hidden: Width of the hidden layers.
        hidden_layers: Number of hidden layers.
    """

    def __init__(
        self, num_tasks: int, num_layers: int, embedding_dim: int = 32, hidden: int = 100, hidden_layers: int = 2
    ) -> None:
        super().__init__()
        self.shape = (num_layers, num_tasks, num_tasks)
        self.embedding = PreferenceEmbedding(num_tasks, embedding_dim)
        self.trunk = mlp(embedding_dim, hidden, hidden_layers)
        self.logits = nn.Linear(hidden, num_layers * num_tasks**2)

    def reset_parameters(self) -> None:
        """Forgets all training."""
        reset_layers(self)

    def forward(self, weights: Tensor, cost_weight: Tensor) -> Tensor:
        """Predicts the decisions.

        Args:
            weights: (B, N), on the simplex.
            cost_weight: (B,), in [0, 1].

        Returns:
            (B, L, N, N) logits; [l, j, k] belongs to node (l+1, j) taking node (l, k).
        """
        return self.logits(self.trunk(self.embedding(weights, cost_weight))).unflatten(-1, self.shape)
