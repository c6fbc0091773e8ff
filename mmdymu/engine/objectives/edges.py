"""Training of the edge hypernet (DYMU, section 4.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import broadcast
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the field's usual name)

from mmdymu.models import ControllableNet, FixedEdges
from mmdymu.models.losses.usage import expected_share
from mmdymu.preference import Preference
from mmdymu.registry import MODELS, OBJECTIVES
from mmdymu.search.expectation import expected_task_losses
from mmdymu.search.path_table import build_path_table

from ..frames import Frames, joined
from .affinity import anchor_affinity
from .base import StageObjective, sample_preferences
from .single_losses import anchor_losses, inverse_losses

SOURCES = ("auto", "table", "images")
DECISIONS = ("expected", "gumbel")


@OBJECTIVES.register_module()
class EdgeObjective(StageObjective):
    """Σ_i r_i w_i L_i plus the branching regularisers, for several preferences a step; the anchor is frozen.

    Args:
        regularizer: Config of a :class:`BranchingRegularizedLoss`; it must be given.
        source: ``table`` takes task losses from the path table, exactly and without images; ``images`` runs the soft
            network; ``auto`` takes the table where it is feasible.
        decisions: ``expected`` uses softmax(logits); ``gumbel`` samples Gumbel-softmax decisions.
        preferences_per_step: How many (r, c) are averaged in one step; through images at most one an image.
        concentrations: Dirichlet parameters of r that take turns.
        loss_weights: w_i by task; None takes 1 / (single-task loss), so that r means importance and not units.
        temperature: (start, factor, steps): the Gumbel temperature is multiplied by the factor every so many steps.
        entropy: Weight of the decisions' entropy, which falls to 0 over the stage. It keeps decisions open until the
            hypernet has seen enough preferences: without it logits saturate, and a decision that is right for balanced
            preferences stays where it is wrong. 0 in the paper.
        entropy_power: p of (1 - progress)^p, by which that weight is multiplied. 1 lets it fall evenly; with 3 an
            eighth is left at half of the stage. Differences between trees that are smaller than it are decided only
            when it has fallen below them.
        images: Training images for the path table and the single-task losses.
        affinity_images: Training images for the affinities, at least 3: they are correlations over pairs of images.

    Raises:
        ValueError: If there is no regularizer, ``source`` or ``decisions`` is unknown, a number is not positive and
            finite, or the images are too few.
    """

    def __init__(
        self,
        regularizer: Mapping[str, Any] | None = None,
        source: str = "auto",
        decisions: str = "expected",
        preferences_per_step: int = 16,
        concentrations: Sequence[float] = (0.2,),
        loss_weights: Mapping[str, float] | None = None,
        temperature: tuple[float, float, int] = (5.0, 0.97, 300),
        entropy: float = 0.0,
        entropy_power: float = 1.0,
        images: int = 32,
        affinity_images: int = 64,
    ) -> None:
        if not regularizer:
            raise ValueError(
                f"regularizer={regularizer!r} of EdgeObjective must say what compute costs: give it "
                "dict(type='mmdymu.BranchingRegularizedLoss', lambda_active=0.0, lambda_inactive=0.02, lambda_cost=0.8)"
            )
        if source not in SOURCES or decisions not in DECISIONS:
            raise ValueError(f"source={source!r} must be in {SOURCES}, decisions={decisions!r} in {DECISIONS}")
        if preferences_per_step < 1 or not concentrations or min(concentrations) <= 0:
            raise ValueError(
                f"preferences_per_step={preferences_per_step} must be positive, as must all of "
                f"concentrations={tuple(concentrations)}"
            )
        if not 0 < entropy_power < float("inf"):
            raise ValueError(
                f"entropy_power={entropy_power} must be positive and finite: 1 lets the entropy fall evenly"
            )
        if images < 1 or affinity_images < 3:
            raise ValueError(
                f"images={images} must be at least 1, affinity_images={affinity_images} at least 3: affinities are "
                "correlations over pairs of images"
            )
        self.regularizer = MODELS.build(dict(regularizer))
        self.source, self.decisions = source, decisions
        self.preferences_per_step, self.concentrations = preferences_per_step, tuple(concentrations)
        self.loss_weights = loss_weights
        self.temperature, self.entropy, self.entropy_power = temperature, entropy, entropy_power
        self.images, self.affinity_images = images, affinity_images

    @property
    def needs_images(self) -> bool:  # type: ignore[override]
        """Whether iterations run images; known once the stage is prepared."""
        return self.source != "table"

    def trained_modules(self, model: ControllableNet) -> Sequence[nn.Module]:
        """The edge hypernet.

        Raises:
            ValueError: If the model's tree is fixed.
        """
        if isinstance(model.edge_hypernet, FixedEdges):
            raise ValueError(
                "an edges stage needs model.edge_hypernet=dict(type='EdgeHypernet'), but this model's tree is fixed: "
                "drop the stage"
            )
        return [model.edge_hypernet]

    def preferences(self, tasks: Sequence[str], rng: np.random.Generator) -> list[Preference]:
        """The preferences of one iteration."""
        return sample_preferences(tasks, rng, self.preferences_per_step, self.concentrations)

    def prepare(self, model: ControllableNet, frames: Frames, *, resumed: bool) -> None:
        """Measures affinities, single-task losses and, where it is feasible, the path table."""
        feasible = model.path_losses.numel() > 0
        if self.source == "table" and not feasible:
            raise ValueError(
                f"source='table' needs N·N^L = {model.num_tasks ** (model.num_layers + 1)} path losses, more than are "
                "tabulated: merge layers (model.stream.merge) or use source='images'"
            )
        if self.source == "auto":
            self.source = "table" if feasible else "images"
        if not (resumed and model.has_loss_scale):
            model.eval()
            model.affinity.copy_(anchor_affinity(model, frames.batches(model, self.affinity_images)))
            self._measure_losses(model, frames)
            for buffer in (model.affinity, model.loss_scale, model.path_losses):
                broadcast(buffer)
            model.train()
        self._node_flops = torch.tensor(model.complexity.node_flops, device=model.affinity.device)

    def _measure_losses(self, model: ControllableNet, frames: Frames) -> None:
        batch = joined(frames.batches(model, self.images))
        if self.source == "table" and not torch.isfinite(model.path_losses).all():
            print_log(f"path table: {model.num_tasks**model.num_layers} paths on {len(batch.inputs)} images", "current")
            model.path_losses.copy_(build_path_table(model, batch.inputs, batch.data_samples))
        if self.source == "table":
            single = torch.stack([model.path_losses[(j,) * (model.num_layers + 1)] for j in range(model.num_tasks)])
        else:
            single = anchor_losses(model, batch)
        model.loss_scale.copy_(self._scale(model.tasks, single))
        print_log(f"loss scale w: {dict(zip(model.tasks, model.loss_scale.tolist(), strict=True))}", "current")

    def _scale(self, tasks: Sequence[str], single: Tensor) -> Tensor:
        if self.loss_weights is not None:
            if set(self.loss_weights) != set(tasks):
                raise ValueError(f"loss_weights={dict(self.loss_weights)} must name each of the tasks {list(tasks)}")
            return single.new_tensor([float(self.loss_weights[task]) for task in tasks])
        return inverse_losses(tasks, single, self.images)

    def losses(self, model: ControllableNet, **batch: Any) -> dict[str, Tensor]:
        """Means over the step's preferences of the weighted task loss and the regularisers."""
        preferences: Sequence[Preference] = batch["preferences"]
        weights, cost_weight = model.preference_tensors(preferences)
        # Paths differ in loss by less than half precision resolves: under AMP only the soft network is cast.
        with torch.autocast(model.affinity.device.type, enabled=False):
            logits = model.edge_logits(preferences)
            probs = self._decide(logits, batch["step"])
            terms = self.regularizer(probs, weights, cost_weight, model.affinity, self._node_flops)
            if self.source == "table":
                task_losses = expected_task_losses(model.path_losses, probs)
        if self.source != "table":
            task_losses = _image_losses(model, probs, batch["inputs"], batch["data_samples"])
        weighted = (weights * model.loss_scale * task_losses).sum(-1)
        return {
            "loss_tasks": weighted.mean(),
            "loss_entropy": -self.entropy * (1 - batch["progress"]) ** self.entropy_power * _entropy(logits).mean(),
            **{name: term.mean() for name, term in terms.items()},
            "share": expected_share(probs.detach(), self._node_flops).mean(),
        }

    def _decide(self, logits: Tensor, step: int) -> Tensor:
        if self.decisions == "expected":
            return logits.softmax(dim=-1)
        start, factor, every = self.temperature
        return F.gumbel_softmax(logits, tau=start * factor ** (step // every))


def _entropy(logits: Tensor) -> Tensor:
    """(B,) sums of the entropies, in nats, of all decisions of (B, L, N, N) logits."""
    return torch.distributions.Categorical(logits=logits).entropy().sum((-2, -1))


def _image_losses(model: ControllableNet, probs: Tensor, inputs: Tensor, samples: Sequence[Any]) -> Tensor:
    """(P, N) losses through the soft network; the batch's images are dealt out to the P preferences in turn."""
    count = min(len(probs), len(inputs))
    if count < len(probs):
        raise ValueError(f"preferences_per_step={len(probs)} is more than the {len(inputs)} images of a batch")
    owner = torch.arange(len(inputs), device=inputs.device) * count // len(inputs)
    features = model.backbone.forward_soft(inputs, probs[owner])
    outputs = model.run_heads(features)
    losses = []
    for index in range(count):
        chosen = (owner == index).nonzero().flatten().tolist()
        part = {task: output[chosen] for task, output in outputs.items()}
        losses.append(model.task_losses(part, [samples[i] for i in chosen])[0])
    return torch.stack(losses) * _fair_factors(model, samples, owner)


def _fair_factors(model: ControllableNet, samples: Sequence[Any], owner: Tensor) -> Tensor:
    """(P, N) a task's images in a preference's part over its mean number in the P parts; 1 if images count for all.

    A part may lack a task whose loss then is 0. The factors make up for it in the parts that have it, so that task
    losses keep their size beside the regularisers.
    """
    parts = int(owner.max()) + 1
    if model.task_rows(samples) is None:
        return owner.new_ones((parts, 1), dtype=torch.get_default_dtype())
    counts = [
        model.task_counts([s for s, p in zip(samples, owner.tolist(), strict=True) if p == k]) for k in range(parts)
    ]
    held = torch.tensor(counts, dtype=torch.get_default_dtype(), device=owner.device)
    return held / held.mean(dim=0).clamp(min=1 / parts)
