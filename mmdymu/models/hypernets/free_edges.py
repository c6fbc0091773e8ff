"""Branching decisions that no preference changes: what static trees are searched with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmdymu.registry import MODELS
from mmdymu.tree import BranchingTree


@MODELS.register_module()
class FreeEdges(nn.Module):
    """Trainable logits of all decisions, in place of an edge hypernet; the same for every preference.

    While a tree is searched, the objective says what the rows mean: child nodes and their parents (LTB), or tasks and
    the copies that they choose (BMTAS). Once it has decided, :meth:`forward` gives that tree alone.

    Args:
        num_tasks: Number of tasks and streams, N.
        num_layers: Number of layers that are decided, L.

    Attributes:
        logits: (L, N, N), zero at first, so that every choice is equally likely.
        decided: (L, N, N) one-hot (layer, child, parent) of the tree that was found; NaN until then.
    """

    decided: Tensor

    def __init__(self, num_tasks: int, num_layers: int) -> None:
        super().__init__()
        shape = (num_layers, num_tasks, num_tasks)
        self.logits = nn.Parameter(torch.zeros(shape))
        self.register_buffer("decided", torch.full(shape, torch.nan))

    @property
    def is_decided(self) -> bool:
        """Whether a search has ended with a tree."""
        return bool(torch.isfinite(self.decided).all())

    @property
    def tree(self) -> BranchingTree | None:
        """The tree that a search has ended with."""
        return BranchingTree.from_logits(self.decided) if self.is_decided else None

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Forgets all training, and the tree."""
        self.logits.zero_()
        self.decided.fill_(torch.nan)

    @torch.no_grad()
    def decide(self, tree: BranchingTree) -> None:
        """Settles on a tree.

        Raises:
            ValueError: If it has another number of tasks or layers.
        """
        edges = self.decided.new_tensor(tree.to_edges())
        if edges.shape != self.decided.shape:
            found, wanted = tuple(edges.shape), tuple(self.decided.shape)
            raise ValueError(f"tree has decisions of shape {found}, these edges {wanted}, (layers, tasks, tasks)")
        self.decided.copy_(edges)

    def forward(self, weights: Tensor, cost_weight: Tensor) -> Tensor:
        """Gives the decisions, whatever the preference.

        Args:
            weights: (B, N), on the simplex; only B counts.
            cost_weight: (B,), in [0, 1]; does not count.

        Returns:
            (B, L, N, N); [l, j, k] belongs to node (l+1, j) taking node (l, k). One-hot once a tree was decided.
        """
        logits = self.decided if self.is_decided else self.logits
        return logits.expand(len(weights), *logits.shape)
