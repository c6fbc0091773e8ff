"""What a hypernet of tensors says of itself: which tensors of nodes and heads it makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from torch import Tensor, nn

Node = tuple[int, int]
"""(layer, stream); heads are the nodes of layer L."""

Parts = Mapping[Node, nn.Module]
"""Nodes and heads of a network."""

States = dict[Node, dict[str, Tensor]]
"""Tensors that replace parameters of nodes and heads, by name inside the part."""


class StateHypernet(nn.Module):
    """Base of the hypernets in ``model.weight_hypernet``: a preference in, tensors of nodes and heads out.

    A subclass is built from the parts themselves, of which it keeps names and shapes only, and decides which of their
    tensors it makes.

    Args:
        parts: All nodes and heads that may run.
    """

    makes_all: ClassVar[bool] = False
    """Whether it makes all parameters of the parts, so that their own ones are not trained."""

    def __init__(self, parts: Iterable[Node]) -> None:
        super().__init__()
        self._known = frozenset(parts)

    def states(self, weights: Tensor, cost_weight: Tensor, parts: Parts) -> States:
        """Makes the tensors of some parts.

        Args:
            weights: (N,), on the simplex.
            cost_weight: (), in [0, 1].
            parts: Those that run: a tree's nodes and all heads.

        Returns:
            The tensors; a part of which none is made has no entry.

        Raises:
            ValueError: If it was built without one of the parts.
        """
        unknown = sorted(parts.keys() - self._known)
        if unknown:
            raise ValueError(
                f"{type(self).__name__} was built for one fixed tree and makes nothing for its nodes (layer, stream) "
                f"{unknown}: give model.edge_hypernet.tree the tree that is to run"
            )
        return self._states(weights, cost_weight, parts)

    def _states(self, weights: Tensor, cost_weight: Tensor, parts: Parts) -> States:
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Forgets all training."""
        raise NotImplementedError
