"""The weight hypernet: from a preference to shifts of the norm parameters of every node."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from mmdymu.registry import MODELS

from .embedding import PreferenceEmbedding, mlp, reset_layers
from .modulation import modulated_state, norm_slots
from .state_hypernet import Node, Parts, StateHypernet, States


@MODELS.register_module()
class WeightHypernet(StateHypernet):
    """h̄(r, c): an MLP with a linear output of Δγ and Δβ for the norms of each node (DYMU, section 4.2).

    The outputs start at zero, so that training starts from the anchor's own norms. Heads keep their norms.

    Args:
        num_tasks: Number of tasks, N.
        num_layers: Number of layers, L: parts of layer L are heads.
        parts: All nodes and heads that may run.
        embedding_dim: Size of the preference embedding.
        hidden: Width of the hidden layers.
        hidden_layers: Number of hidden layers.
    """

    def __init__(
        self,
        num_tasks: int,
        num_layers: int,
        parts: Parts,
        embedding_dim: int = 32,
        hidden: int = 100,
        hidden_layers: int = 3,
    ) -> None:
        super().__init__(parts)
        slots = {node: norm_slots(module) for node, module in parts.items() if node[0] < num_layers}
        self._slots = {node: norms for node, norms in slots.items() if norms}
        channels = {node: sum(size for _, size in norms) for node, norms in self._slots.items()}
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

    def _states(self, weights: Tensor, cost_weight: Tensor, parts: Parts) -> States:
        """γ + Δγ and β + Δβ of the nodes that have norms."""
        deltas = self(weights, cost_weight, sorted(parts.keys() & self._slots.keys()))
        return {node: modulated_state(parts[node], self._slots[node], delta) for node, delta in deltas.items()}


def _key(node: Node) -> str:
    return f"{node[0]}_{node[1]}"
