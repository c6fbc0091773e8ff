"""The weight hypernet: from a preference to shifts of the norm parameters of every node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from mmdymu.registry import MODELS

from .embedding import PreferenceEmbedding, mlp, reset_layers

Node = tuple[int, int]


@MODELS.register_module()
class WeightHypernet(nn.Module):
    """h̄(r, c): an MLP with a linear output of Δγ and Δβ for the norms of each node (DYMU, section 4.2).

    The outputs start at zero, so that training starts from the anchor's own norms.

    Args:
        num_tasks: Number of tasks, N.
        channels: Number of norm channels of each node (layer, stream).
        embedding_dim: Size of the preference embedding.
        hidden: Width of the hidden layers.
        hidden_layers: Number of hidden layers.
    """

    def __init__(
        self,
        num_tasks: int,
        channels: Mapping[Node, int],
        embedding_dim: int = 32,
        hidden: int = 100,
        hidden_layers: int = 3,
    ) -> None:
        super().__init__()
        self.embedding = PreferenceEmbedding(num_tasks, embedding_dim)
        self.trunk = mlp(embedding_dim, hidden, hidden_layers)
        self.deltas = nn.ModuleDict({_key(node): nn.Linear(hidden, 2 * size) for node, size in channels.items()})
        self._zero_outputs()

    def reset_parameters(self) -> None:
        """Forgets all training."""
        reset_layers(self)
        self._zero_outputs()

    def _zero_outputs(self) -> None:
        for parameter in self.deltas.parameters():
            nn.init.zeros_(parameter)

    def forward(self, weights: Tensor, cost_weight: Tensor, nodes: Iterable[Node]) -> dict[Node, Tensor]:
        """Predicts the shifts for some nodes under one preference.

        Args:
            weights: (N,), on the simplex.
            cost_weight: (), in [0, 1].
            nodes: The nodes that are used; nothing is computed for the others.

        Returns:
            For each node (2, C): Δγ and Δβ of its norm channels.
        """
        hidden = self.trunk(self.embedding(weights[None], cost_weight[None]))[0]
        return {node: self.deltas[_key(node)](hidden).unflatten(0, (2, -1)) for node in nodes}


def _key(node: Node) -> str:
    return f"{node[0]}_{node[1]}"
