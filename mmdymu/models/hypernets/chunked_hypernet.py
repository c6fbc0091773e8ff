"""The hypernet of PHN: from a preference to all weights of a network, chunk by chunk."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mmdymu.registry import MODELS

from .chunk_plan import ChunkPlan
from .embedding import mlp, reset_layers
from .state_hypernet import Parts, StateHypernet, States

__all__ = ["ChunkedHypernet"]

BASES = ("initial", None)
INIT_STD = 0.1


@MODELS.register_module()
class ChunkedHypernet(StateHypernet):
    """All parameters of a tree's nodes and heads (Navon et al., "Learning the Pareto Front with Hypernetworks", 2021).

    For a preference r, with learnt e_i and a learnt embedding d_k of each chunk::

        h_k = MLP([Σ_i r_i e_i ; d_k])          three linear layers, ReLU between them
        numbers = [W_1 h_1, …, W_K h_1, W_1 h_2, …]

    The numbers are sliced in order into the tensors; the surplus at the end is dropped. The K matrices, without bias,
    are one here, which is the same map. Embeddings and matrices start from N(0, 0.1²).

    With ``base='initial'`` the numbers are added to the model's own weights, which no stage then trains, and the
    matrices start at zero: so training starts where that of other networks does. With ``base=None`` the numbers are
    the weights, as published. The cost weight is not looked at. Norm statistics are no parameters and stay the model's.

    Args:
        num_tasks: Number of tasks, N.
        num_layers: Number of layers, L; heads are made as nodes are.
        parts: All nodes and heads that may run.
        base: ``'initial'`` or None.
        embedding_dim: Size of the preference embedding.
        chunk_dim: Size of a chunk's embedding.
        hidden: Width of the MLP.
        out: Numbers that a matrix makes of a chunk; None takes 10 000, or less where fewer than 100 such chunks would
            be made.
        matrices: K; None is chosen by ``params``.
        params: Most parameters of the hypernet, see :meth:`ChunkPlan.within`.

    Raises:
        ValueError: If ``base`` is unknown, a size is not positive, both ``matrices`` and ``params`` are given, or
            ``params`` is too small.
    """

    makes_all = True

    def __init__(
        self,
        num_tasks: int,
        num_layers: int,
        parts: Parts,
        base: str | None = "initial",
        embedding_dim: int = 32,
        chunk_dim: int = 64,
        hidden: int = 100,
        out: int | None = None,
        matrices: int | None = None,
        params: int | None = None,
    ) -> None:
        super().__init__(parts)
        if base not in BASES:
            raise ValueError(f"base={base!r} is unknown, use one of {BASES}")
        if matrices is not None and params is not None:
            raise ValueError(f"matrices={matrices} and params={params} both set the size: give one of the two")
        self.base = base
        # Shapes in the order in which numbers are sliced; fixed, whatever is asked for later.
        self._shapes = [
            (node, name, tuple(parameter.shape))
            for node in sorted(parts)
            for name, parameter in parts[node].named_parameters()
        ]
        numbers = sum(math.prod(shape) for _, _, shape in self._shapes)
        out = min(10_000, max(1, numbers // hidden)) if out is None else out
        plan = ChunkPlan(numbers, num_tasks, embedding_dim, chunk_dim, hidden, out, 1 if matrices is None else matrices)
        self.plan = plan if matrices is not None else plan.within(params)
        self.tasks = nn.Parameter(torch.empty(num_tasks, embedding_dim))
        self.chunks = nn.Parameter(torch.empty(self.plan.chunks, chunk_dim))
        self.trunk = nn.Sequential(mlp(embedding_dim + chunk_dim, hidden, 2), nn.Linear(hidden, hidden))
        self.matrices = nn.Parameter(torch.empty(self.plan.matrices * out, hidden))
        self._draw()

    def reset_parameters(self) -> None:
        """Forgets all training."""
        reset_layers(self)
        self._draw()

    def _draw(self) -> None:
        for parameter in (self.tasks, self.chunks):
            nn.init.normal_(parameter, std=INIT_STD)
        nn.init.normal_(self.matrices, std=0.0 if self.base else INIT_STD)

    def forward(self, weights: Tensor) -> Tensor:
        """Makes all numbers.

        Args:
            weights: (N,), on the simplex.

        Returns:
            (P,).
        """
        preference = (weights @ self.tasks).expand(len(self.chunks), -1)
        hidden = self.trunk(torch.cat([preference, self.chunks], dim=1))
        return (hidden @ self.matrices.T).flatten()[: self.plan.numbers]

    def _states(self, weights: Tensor, cost_weight: Tensor, parts: Parts) -> States:
        """All parameters of the parts, each its own slice."""
        slices = self(weights).split([math.prod(shape) for _, _, shape in self._shapes])
        states: States = {node: {} for node in parts}
        for (node, name, shape), values in zip(self._shapes, slices, strict=True):
            if node in states:
                own = parts[node].get_parameter(name)
                made = values.view(shape).to(own.dtype)
                states[node][name] = own + made if self.base else made
        return {node: state for node, state in states.items() if state}
