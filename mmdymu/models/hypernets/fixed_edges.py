"""The tree of a static network, in the place of an edge hypernet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmdymu.registry import MODELS
from mmdymu.tree import BranchingTree

__all__ = ["FixedEdges"]

_CERTAIN = 200.0
"""Logit of a decision; the softmax of 200 against zeros is 1 and 0 in single precision."""
_SEARCHED, _LOGITS = "decided", "logits"
"""Where a searched model (:class:`FreeEdges`) keeps the tree that it has found, and what that was decoded from."""


@MODELS.register_module()
class FixedEdges(nn.Module):
    """One tree for all preferences; has no parameters.

    The decisions are a buffer, so a checkpoint brings its own tree, whatever the config says; that of a search
    (:class:`FreeEdges`) the tree that it has found.

    Args:
        num_tasks: Number of tasks and streams, N.
        num_layers: Number of layers that are decided, L.
        tree: ``shared`` (all tasks on the first stream), ``separate`` (a stream for each task), or the L rows of N
            parents of a :class:`~mmdymu.tree.BranchingTree`.

    Raises:
        ValueError: If the tree is unknown or has another size.
    """

    decisions: Tensor

    def __init__(self, num_tasks: int, num_layers: int, tree: str | Sequence[Sequence[int]] = "shared") -> None:
        super().__init__()
        fixed = _read_tree(num_tasks, num_layers, tree)
        self.register_buffer("decisions", torch.tensor(fixed.to_edges()))

    @property
    def tree(self) -> BranchingTree:
        """The tree."""
        return BranchingTree.from_logits(self.decisions)

    def reset_parameters(self) -> None:
        """Nothing was trained."""

    def forward(self, weights: Tensor, cost_weight: Tensor) -> Tensor:
        """Gives the tree, whatever is asked for.

        Args:
            weights: (B, N), on the simplex.
            cost_weight: (B,), in [0, 1].

        Returns:
            (B, L, N, N) logits; [l, j, k] belongs to node (l+1, j) taking node (l, k).
        """
        return (_CERTAIN * self.decisions).expand(len(weights), *self.decisions.shape)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *options: Any) -> None:
        searched = state_dict.pop(prefix + _SEARCHED, None)
        if searched is not None:
            state_dict.pop(prefix + _LOGITS, None)
            if not bool(torch.isfinite(searched).all()):
                raise ValueError("the checkpoint is of a search that has not ended, so it brings no tree")
            state_dict[prefix + "decisions"] = searched
        super()._load_from_state_dict(state_dict, prefix, *options)


def _read_tree(num_tasks: int, num_layers: int, tree: str | Sequence[Sequence[int]]) -> BranchingTree:
    if tree == "shared":
        return BranchingTree.shared(num_tasks, num_layers, 0)
    if tree == "separate":
        return BranchingTree.separate(num_tasks, num_layers)
    if isinstance(tree, str):
        raise ValueError(f"tree={tree!r} is unknown, use 'shared', 'separate' or rows of parents")
    found = BranchingTree(tuple(map(tuple, tree)))
    if (found.num_tasks, found.num_layers) != (num_tasks, num_layers):
        raise ValueError(
            f"tree has {found.num_layers} rows of {found.num_tasks} parents, the model has {num_layers} layers and "
            f"{num_tasks} tasks"
        )
    return found
