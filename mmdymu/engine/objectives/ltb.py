"""The search of "Learning to Branch"."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's usual name)

from mmdymu.models import ControllableNet
from mmdymu.models.losses.usage import expected_share
from mmdymu.registry import OBJECTIVES
from mmdymu.tree import BranchingTree

from .tree_search import TreeSearchObjective, free_edges


@OBJECTIVES.register_module()
class LTBObjective(TreeSearchObjective):
    """LTB: every node and head draws its parent, and weights and logits are trained jointly on Σ_i w_i L_i.

    One Gumbel-softmax sample a step, whose temperature falls geometrically. No term knows of costs, so nothing but the
    losses makes tasks share nodes. At the end every node keeps its most likely parent.

    Source: Guo, Lee and Ulbricht, "Learning to Branch for Multi-Task Learning" (ICML 2020). Differences: N candidate
    nodes in every layer, as in the space of trees of this package, and the common initial weights.
    """

    def losses(self, model: ControllableNet, **batch: Any) -> dict[str, Tensor]:
        """The weighted task losses of one soft sample."""
        start, end = self.temperature
        temperature = start * (end / start) ** batch["progress"]
        logits = free_edges(model).logits
        features = model.backbone.forward_soft(batch["inputs"], F.gumbel_softmax(logits, tau=temperature))
        losses, _ = model.task_losses(model.run_heads(features), batch["data_samples"])
        return {
            "loss_tasks": (model.loss_scale * losses).sum(),
            "temperature": losses.new_tensor(temperature),
            "share": expected_share(logits.detach().softmax(dim=-1), self._node_flops),
        }

    def decode(self, logits: Tensor) -> BranchingTree:
        """The most likely parent everywhere."""
        return BranchingTree.from_logits(logits)
