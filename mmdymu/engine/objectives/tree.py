"""Training of one fixed tree: static multi-task networks, PHN, PHN-BN, and searched trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmdymu.models import ControllableNet, EdgeHypernet
from mmdymu.preference import Preference
from mmdymu.registry import OBJECTIVES
from mmdymu.tree import BranchingTree

from ..frames import Frames
from .base import StageObjective, log_losses, sample_preferences, touch
from .epo import epo_weights
from .loss_scale import LossWeights, take_loss_scale

SCALARIZATIONS = ("linear", "geometric", "epo")


@OBJECTIVES.register_module()
class TreeObjective(StageObjective):
    """Σ_i r_i w_i L_i of a tree that is the same for all preferences; the losses of all tasks train all of it.

    Trained are the tree's nodes, all heads and the weight hypernet, where there is one; of a hypernet that makes all
    parameters (:class:`ChunkedHypernet`), it alone. The norms' running statistics follow the images in any case.

    Args:
        preference: r of a static network, as :meth:`Preference.parse` reads it: numbers in task order or by task. None
            draws r every step, for networks that a preference changes.
        concentrations: Dirichlet parameters of drawn r that take turns. A drawn preference has a cost weight, too, so
            that a hypernet that sees it learns that it does not matter.
        scalarization: ``linear`` as above; ``geometric`` takes Σ_i r_i log L_i, see :func:`log_losses`, for which w
            does not matter; ``epo`` takes N · Σ_i α_i w_i L_i, with α of :func:`epo_weights` computed from the
            gradients of each step (in distributed training, each process from its own).
        loss_weights: w_i by task, or a checkpoint of the network that this one is compared with, or of single-task
            nets, see :func:`take_loss_scale`; None takes what an earlier stage has left, and 1 without.
        restart: Begin from the streams and heads that the run began with (after its ``trunk`` stage), not from
            those that a search has trained.
        images: Training images on which single-task nets are measured for w.

    Raises:
        ValueError: If ``scalarization`` is unknown, or a number is not positive.
    """

    def __init__(
        self,
        preference: Sequence[float] | Mapping[str, float] | None = None,
        concentrations: Sequence[float] = (0.2,),
        scalarization: str = "linear",
        loss_weights: LossWeights = None,
        restart: bool = False,
        images: int = 32,
    ) -> None:
        if scalarization not in SCALARIZATIONS:
            raise ValueError(f"scalarization={scalarization!r} is unknown, use one of {SCALARIZATIONS}")
        if not concentrations or min(concentrations) <= 0 or images < 1:
            raise ValueError(f"images={images} and all of concentrations={tuple(concentrations)} must be positive")
        self.preference, self.concentrations = preference, tuple(concentrations)
        self.scalarization, self.loss_weights, self.restart = scalarization, loss_weights, restart
        self.images = images
        self._fixed: Preference | None = None

    def trained_modules(self, model: ControllableNet) -> Sequence[nn.Module]:
        """The tree's nodes and all heads, unless a hypernet makes them; and the weight hypernet."""
        hypernet = model.weight_hypernet
        if hypernet is None:
            return self._parts(model)
        return [hypernet] if hypernet.makes_all else [*self._parts(model), hypernet]

    def moving_modules(self, model: ControllableNet) -> Sequence[nn.Module]:
        """All parts of the network, also those whose parameters a hypernet makes."""
        return [*self._parts(model), *([model.weight_hypernet] if model.weight_hypernet is not None else [])]

    def prepare(self, model: ControllableNet, frames: Frames, *, resumed: bool) -> None:
        """Writes w into the model.

        Raises:
            ValueError: If the tree is still to be searched.
        """
        if not getattr(model.edge_hypernet, "is_decided", True):
            raise ValueError(
                "TreeObjective trains the tree that a search has found, but none has: run a search stage before, or "
                "load_from a checkpoint of one"
            )
        if self.preference is not None:
            self._fixed = Preference.parse(self.preference, tasks=model.tasks)
        if not (resumed and model.has_loss_scale):
            take_loss_scale(model, self.loss_weights, frames, self.images)

    def preferences(self, tasks: Sequence[str], rng: np.random.Generator) -> list[Preference]:
        """The preference of one iteration."""
        return sample_preferences(tasks, rng, 1, self.concentrations) if self._fixed is None else [self._fixed]

    def losses(self, model: ControllableNet, **batch: Any) -> dict[str, Tensor]:
        """The scalarised loss of one batch under its preference."""
        (preference,) = batch["preferences"]
        tree, samples = self._tree(model), batch["data_samples"]
        states = model.norm_states(preference, tree)
        losses, logs = model.tree_losses(batch["inputs"], samples, tree, states)
        scaled, weights = model.loss_scale * losses, losses.new_tensor(preference.weights)
        if self.scalarization == "geometric":
            scaled = log_losses(losses)
        elif self.scalarization == "epo":
            weights = len(weights) * _epo(scaled, weights, self._owned(model))
        loss = (weights * scaled).sum()
        # Where images count for a task or two, a batch may have none for some nodes.
        if model.task_rows(samples) is not None:
            loss = loss + touch(self._owned(model), losses)
        return {"loss_tasks": loss, **logs}

    def _owned(self, model: ControllableNet) -> list[nn.Parameter]:
        return [p for module in self.trained_modules(model) for p in module.parameters() if p.requires_grad]

    @staticmethod
    def _tree(model: ControllableNet) -> BranchingTree:
        if isinstance(model.edge_hypernet, EdgeHypernet):
            raise ValueError(
                "TreeObjective trains one tree for all preferences, but model.edge_hypernet chooses one for each: use "
                "dict(_delete_=True, type='FixedEdges', tree=…)"
            )
        return model.predict_tree(Preference.uniform(model.tasks))

    def _parts(self, model: ControllableNet) -> list[nn.Module]:
        return list(model.tree_parts(self._tree(model)).values())


def _epo(losses: Tensor, weights: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """(N,) α from the gradients of (N,) losses; a task without images has none."""
    rows = []
    for loss in losses:
        found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        rows.append(
            torch.cat(
                [(torch.zeros_like(p) if g is None else g).flatten() for p, g in zip(parameters, found, strict=True)]
            )
        )
    gradients = torch.stack(rows).double()
    gram = (gradients @ gradients.T).cpu().numpy()
    values = (losses.detach().double().cpu().numpy(), gram, weights.double().cpu().numpy())
    return losses.new_tensor(epo_weights(*values))
