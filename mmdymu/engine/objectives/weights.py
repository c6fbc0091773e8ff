"""Training of the weight hypernet (DYMU, section 4.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the field's usual name)

from mmdymu.models import ControllableNet
from mmdymu.models.norms import use_batch_statistics
from mmdymu.preference import Preference
from mmdymu.registry import OBJECTIVES
from mmdymu.tree import BranchingTree

from ..frames import Frames
from .base import StageObjective, sample_preferences, touch

TREES = ("likely", "sampled")
STATISTICS = ("running", "batch")


@OBJECTIVES.register_module()
class WeightObjective(StageObjective):
    """Σ_i r_i w_i L_i of the trees that the frozen edge hypernet chooses.

    The hypernet learns to make up for the norm statistics that it is trained with, so they should be those of the test.

    Args:
        trees: ``likely`` takes the most likely tree, as at test time; ``sampled`` draws the decisions.
        concentrations: Dirichlet parameters of r that take turns.
        statistics: What the frozen norms of nodes and heads use: ``running``, the anchor's own, as the test does unless
            told otherwise; or ``batch``, those of the batch, which come close to what
            ``norm_statistics='calibrated'`` tests with.

    Raises:
        ValueError: If ``trees`` or ``statistics`` is unknown.
    """

    def __init__(
        self, trees: str = "likely", concentrations: Sequence[float] = (0.2,), statistics: str = "running"
    ) -> None:
        if trees not in TREES:
            raise ValueError(f"trees={trees!r} is unknown, use one of {TREES}")
        if statistics not in STATISTICS:
            raise ValueError(f"statistics={statistics!r} is unknown, use one of {STATISTICS}")
        self.trees, self.statistics = trees, statistics
        self.concentrations = tuple(concentrations)

    def trained_modules(self, model: ControllableNet) -> Sequence[nn.Module]:
        """The weight hypernet.

        Raises:
            ValueError: If the model has none.
        """
        if model.weight_hypernet is None:
            raise ValueError("a weights stage needs model.weight_hypernet, which is None: add it or drop the stage")
        return [model.weight_hypernet]

    def prepare(self, model: ControllableNet, frames: Frames, *, resumed: bool) -> None:
        """Nothing is measured, but an edge hypernet must have been trained."""
        if not model.is_controllable:
            raise ValueError("the weights stage needs a trained edge hypernet: run an edges stage before it")

    def preferences(self, tasks: Sequence[str], rng: np.random.Generator) -> list[Preference]:
        """The preference of one iteration."""
        return sample_preferences(tasks, rng, 1, self.concentrations)

    def set_modes(self, model: ControllableNet) -> None:
        """As for every stage, but norms may use the batch's statistics: the anchor's fit no tree with shared nodes."""
        super().set_modes(model)
        if self.statistics == "batch":
            use_batch_statistics(model.backbone)
            use_batch_statistics(model.heads)

    def losses(self, model: ControllableNet, **batch: Any) -> dict[str, Tensor]:
        """The weighted task loss of one tree with shifted norms."""
        (preference,) = batch["preferences"]
        tree = self._tree(model, preference)
        states = model.norm_states(preference, tree)
        losses, _ = model.tree_losses(batch["inputs"], batch["data_samples"], tree, states)
        weights = losses.new_tensor(preference.weights)
        (hypernet,) = self.trained_modules(model)
        unused = touch((p for p in hypernet.parameters() if p.requires_grad), losses)
        return {"loss_tasks": (weights * model.loss_scale * losses).sum() + unused}

    @torch.no_grad()
    def _tree(self, model: ControllableNet, preference: Preference) -> BranchingTree:
        if self.trees == "likely":
            return model.predict_tree(preference)
        logits = model.edge_logits([preference])[0]
        return BranchingTree.from_logits(F.gumbel_softmax(logits, tau=1.0, hard=True).cpu())
