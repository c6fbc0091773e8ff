"""The search of "Automated Search for Resource-Efficient Branched Multi-Task Networks"."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's usual name)

from mmdymu.models import ControllableNet
from mmdymu.models.backbones import run_own_mixtures
from mmdymu.registry import OBJECTIVES
from mmdymu.search.groupings import expected_resource, set_partitions, tree_of_copies
from mmdymu.tree import BranchingTree

from ..frames import Frames
from .loss_scale import LossWeights
from .tree_search import TreeSearchObjective, free_edges


@OBJECTIVES.register_module()
class BMTASObjective(TreeSearchObjective):
    """BMTAS: every task draws a copy of every layer for its own features; a loss on expected cost makes them meet.

    Here the (L, N, N) logits are (layer, task, copy): task t chooses copy i of layer l for itself, not a parent for a
    node. Tasks share a node where they have chosen alike up to there, and the tree arises at the end, from each task's
    most likely copies (:func:`~mmdymu.search.groupings.tree_of_copies`).

    First a warm-up in which task t runs copy t everywhere. Then the steps of each cycle begin with architecture steps,
    which train the logits alone on Σ_i w_i L_i + λ R, and go on with weight steps, which train streams and heads on
    Σ_i w_i L_i. All take soft Gumbel-softmax samples (:func:`~mmdymu.models.backbones.run_own_mixtures`); their
    temperature falls linearly after the warm-up. R is the expected cost of the tree in trunks, between 1 and N
    (:func:`~mmdymu.search.groupings.expected_resource`).

    One Adam with two groups of parameters is the source's two: what gets no gradient in a step stays as it is, its
    moments included. The source's rates are ``optimizer=dict(type='Adam', lr=1e-3, weight_decay=1e-4)`` with
    ``paramwise_cfg=dict(custom_keys=dict(edge_hypernet=dict(lr_mult=10.0, decay_mult=0.5)))``. Distributed training
    needs ``find_unused_parameters=True``.

    Source: Brüggemann, Kanakis, Georgoulis and Van Gool (BMVC 2020). Differences:

    * Both kinds of steps draw from all training images; there 20 % of them are kept for the architecture.
    * A step trains all tasks on one batch; there batches are taken task by task.
    * The optimiser's moments are kept, where the source resets them every epoch.
    * Norms use batch statistics in both kinds of steps, as there. Running ones follow in both and are never reset:
      nothing reads them, because the tree is trained anew.
    * The last norm of a unit keeps its affine parameters, since nodes are the backbone's own modules. Images have the
      config's size, where the source halves it.
    * R counts in trunks, where the source counts billions of multiplications and additions at 512x512. With the
      source's MobileNetV2, whose trunk has about five of these, its λ of 0.05 means about 0.25 here.

    Args:
        lambda_resource: λ, the weight of R.
        loss_weights: As in :class:`TreeSearchObjective`.
        temperature: As in :class:`TreeSearchObjective`.
        warmup: Share of the stage that is warm-up.
        cycle: Steps of a cycle; the source's is a pass through the data.
        architecture_share: Share of a cycle that is architecture steps.
        exact_resource: R by the exact law of groupings in place of the source's recursion, which is an upper bound for
            three tasks or more.
        images: As in :class:`TreeSearchObjective`.

    Raises:
        ValueError: If a setting is out of its range.
    """

    def __init__(
        self,
        lambda_resource: float = 0.25,
        loss_weights: LossWeights = None,
        temperature: tuple[float, float] = (5.0, 0.1),
        warmup: float = 1 / 20,
        cycle: int = 50,
        architecture_share: float = 0.2,
        exact_resource: bool = False,
        images: int = 32,
    ) -> None:
        super().__init__(loss_weights, temperature, images)
        if not 0 <= lambda_resource < float("inf"):
            raise ValueError(f"lambda_resource={lambda_resource!r} must be finite and non-negative")
        if not 0 <= warmup < 1:
            raise ValueError(f"warmup={warmup!r} must be a share of the stage, at least 0 and below 1")
        self.architecture_steps = round(cycle * architecture_share)
        if not 0 < self.architecture_steps < cycle:
            raise ValueError(
                f"cycle={cycle!r} with architecture_share={architecture_share!r} has {self.architecture_steps} "
                "architecture steps, but a cycle needs some of them and some weight steps"
            )
        self.lambda_resource, self.warmup, self.cycle = lambda_resource, warmup, cycle
        self.exact_resource = exact_resource

    def prepare(self, model: ControllableNet, frames: Frames, *, resumed: bool) -> None:
        """Writes w into the model and refuses more tasks than can be grouped."""
        super().prepare(model, frames, resumed=resumed)
        set_partitions(model.num_tasks)

    def losses(self, model: ControllableNet, **batch: Any) -> dict[str, Tensor]:
        """The weighted task losses; in architecture steps also λ R."""
        warming = batch["progress"] < self.warmup
        choosing = not warming and batch["step"] % self.cycle < self.architecture_steps
        for module in (model.backbone, model.heads):
            module.requires_grad_(not choosing)
        logits = free_edges(model).logits if choosing else free_edges(model).logits.detach()
        resource = self._resource(logits)
        terms = {"share": (resource.detach() - 1) / max(model.num_tasks - 1, 1)}
        if warming:
            losses, _ = model.tree_losses(batch["inputs"], batch["data_samples"], model.anchor_tree)
        else:
            losses = self._sampled_losses(model, logits, **batch)
        if choosing:
            terms["loss_resource"] = self.lambda_resource * resource
        return {"loss_tasks": (model.loss_scale * losses).sum(), **terms}

    def decode(self, logits: Tensor) -> BranchingTree:
        """The intersected groups of the most likely copies."""
        return tree_of_copies(logits.argmax(dim=-1).tolist())

    def _sampled_losses(self, model: ControllableNet, logits: Tensor, **batch: Any) -> Tensor:
        """(N,) task losses of one soft sample."""
        start, end = self.temperature
        done = (batch["progress"] - self.warmup) / (1 - self.warmup)
        shares = F.gumbel_softmax(logits, tau=start + (end - start) * done)
        samples = batch["data_samples"]
        features = run_own_mixtures(model.backbone, batch["inputs"], shares, model.task_rows(samples))
        return model.task_losses(model.run_heads(features), samples)[0]

    def _resource(self, logits: Tensor) -> Tensor:
        """Expected cost in trunks."""
        # Streams are of one architecture: all copies of a layer cost the same.
        costs = self._node_flops[:, 0]
        return expected_resource(logits.softmax(dim=-1), costs / costs.sum(), exact=self.exact_resource)
