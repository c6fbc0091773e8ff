"""What all top models are: an anchor net, and two hypernets that choose among its nodes and change their tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from mmpretrain.structures import MultiTaskDataSample
from torch import Tensor

from mmdymu.preference import Preference
from mmdymu.tree import BranchingTree

from ..backbones import Node, NodeStates
from ..build import build_part
from ..hypernets import StateHypernet
from ..norms import (
    NORM_STATISTICS,
    update_running_statistics,
    use_batch_statistics,
    use_running_statistics,
)
from ..own_draws import own_draws
from .anchor_net import AnchorNet
from .objective import Objective
from .selection import Selection, check_tree, choice_of

MAX_PATH_TABLE = 20_000
"""Largest number of paths N·N^L whose losses are tabulated (method notes, path table)."""


class ControllableNet(AnchorNet):
    """One multi-task network that changes its tree and its norms with a preference; base of the top models.

    Before :meth:`set_preference` is called it runs the anchor itself: one separate stream a task.

    Args:
        tasks: As in :class:`AnchorNet`.
        stream: As in :class:`AnchorNet`.
        heads: As in :class:`AnchorNet`.
        edge_hypernet: Config; sizes are filled in. A :class:`FixedEdges` makes it a static network.
        weight_hypernet: Config of a :class:`StateHypernet`, or None for a model that never adapts its norms.
        anchor: As in :class:`AnchorNet`.
        image_size: As in :class:`AnchorNet`.
        data_preprocessor: As in :class:`AnchorNet`.
        init_cfg: As in mmengine.
        channels_last: As in :class:`AnchorNet`.

    Raises:
        ValueError: If ``tasks`` is empty, or heads or checkpoints do not match it.
    """

    def __init__(
        self,
        tasks: Sequence[str] = (),
        stream: Mapping[str, Any] | None = None,
        heads: Mapping[str, Mapping[str, Any]] | None = None,
        edge_hypernet: Mapping[str, Any] | None = None,
        weight_hypernet: Mapping[str, Any] | None = None,
        anchor: Mapping[str, Any] | None = None,
        image_size: Sequence[int] = (512, 512),
        data_preprocessor: Mapping[str, Any] | None = None,
        init_cfg: Mapping[str, Any] | None = None,
        channels_last: bool = True,
    ) -> None:
        super().__init__(tasks, stream, heads, anchor, image_size, data_preprocessor, init_cfg, channels_last)
        edges = edge_hypernet or {"type": "mmdymu.EdgeHypernet"}
        with own_draws():
            self.edge_hypernet = build_part(edges, num_tasks=self.num_tasks, num_layers=self.num_layers)
            self.weight_hypernet = self._build_weight_hypernet(weight_hypernet) if weight_hypernet else None
        self.reset_hypernets()
        self._register_stage_results()
        self.norm_statistics = "running"
        self._objective: Objective | None = None
        self._selection: Selection | None = None
        self.register_load_state_dict_post_hook(_select_again)

    @property
    def selection(self) -> Selection | None:
        """What the last preference selected; None before the first."""
        return self._selection

    @property
    def static_tree(self) -> BranchingTree | None:
        """The one tree of a static network; None where preferences choose, or a search for one has not ended."""
        return getattr(self.edge_hypernet, "tree", None)

    @property
    def has_loss_scale(self) -> bool:
        """Whether w, which puts the task losses on one scale, is known."""
        return bool(torch.isfinite(self.loss_scale).all())

    @property
    def is_controllable(self) -> bool:
        """Whether the edge hypernet's training has begun; before, only the anchor means anything.

        Where a static tree is searched, whether it has been found.
        """
        return self.has_loss_scale and getattr(self.edge_hypernet, "is_decided", True)

    @torch.no_grad()
    def reset_hypernets(self) -> None:
        """Forgets the hypernets' training.

        What they begin with depends on the process's seed alone, and no other draw depends on them: models with other
        hypernets, or without, have the same initial streams, heads and edge hypernet.
        """
        with own_draws():
            for hypernet in (self.edge_hypernet, self.weight_hypernet):
                if hypernet is not None:
                    hypernet.reset_parameters()  # type: ignore[operator]

    def report(self) -> dict[str, Any]:
        """What the selected network is and costs: tree, who chose it, nodes, GFLOPs (multiply-adds), parameters, share.

        ``chosen_by`` is ``edge hypernet``, ``anchor``, ``search within a budget``, ``static tree`` or ``given``; and
        what was said about a given tree.
        """
        selection = self._selection
        tree = selection.tree if selection else self.anchor_tree
        return {
            "tree": tree.draw(self.tasks),
            **choice_of(selection),
            **({"chosen_by": "static tree"} if self.static_tree == tree else {}),
            "nodes_used": tree.num_used,
            "nodes_total": self.num_tasks * self.num_layers,
            "gflops": self.complexity.flops(tree) / 1e9,
            "params": self.complexity.params(tree),
            "share": self.complexity.share(tree),
        }

    @torch.no_grad()
    def set_preference(
        self, preference: Preference, tree: BranchingTree | None = None, about: Mapping[str, Any] | None = None
    ) -> BranchingTree:
        """Selects tree and norm parameters; needs no data and runs no image.

        Args:
            preference: Its tasks must be the model's.
            tree: Runs in place of the predicted tree, with norms adapted to it; such as one within a budget.
            about: What :meth:`report` says about a given tree; ready for JSON.

        Returns:
            The tree that runs from now on.

        Raises:
            ValueError: If the preference is about other tasks, or the tree is one of another size.
        """
        if tuple(preference.tasks) != self.tasks:
            raise ValueError(f"preference is about tasks {list(preference.tasks)}, the model has {list(self.tasks)}")
        is_given = tree is not None
        tree = self.predict_tree(preference) if tree is None else check_tree(tree, self.anchor_tree)
        states = self.norm_states(preference, tree)
        self._selection = Selection(preference, tree, states, is_given, dict(about or {}) if is_given else {})
        return tree

    def clear_preference(self) -> None:
        """Goes back to the anchor: the N single-task networks."""
        self._selection = None

    def attach_states(self, states: NodeStates) -> None:
        """Adds tensors, such as calibrated norm statistics, to what the current preference selected."""
        if self._selection is None:
            raise RuntimeError("no preference is set: call set_preference first")
        self._selection = self._selection.with_states(states)

    def set_norm_statistics(self, setting: str) -> None:
        """Chooses the statistics of batch norms at test time: ``running``, ``batch`` or ``calibrated``.

        ``calibrated`` means running statistics until calibrated ones are attached (:meth:`attach_states`).
        """
        if setting not in NORM_STATISTICS:
            raise ValueError(f"norm_statistics={setting!r} is unknown, use one of {NORM_STATISTICS}")
        self.norm_statistics = setting
        self.train(self.training)

    def edge_logits(self, preferences: Sequence[Preference]) -> Tensor:
        """(B, L, N, N) logits of the branching decisions under B preferences."""
        return self.edge_hypernet(*self.preference_tensors(preferences))

    def predict_tree(self, preference: Preference) -> BranchingTree:
        """The most likely parent everywhere."""
        return BranchingTree.from_logits(self.edge_logits([preference])[0].detach().cpu())

    def norm_states(self, preference: Preference, tree: BranchingTree) -> dict[Node, dict[str, Tensor]]:
        """Tensors that the weight hypernet makes for a tree under a preference; empty without one.

        Norm parameters of the nodes, or whatever else its :class:`StateHypernet` makes of nodes and heads.
        """
        if self.weight_hypernet is None:
            return {}
        weights, cost_weight = self.preference_tensors([preference])
        return self.weight_hypernet.states(weights[0], cost_weight[0], self.tree_parts(tree))

    def forward(
        self,
        inputs: Tensor | None,
        data_samples: Sequence[MultiTaskDataSample] | None = None,
        mode: str = "tensor",
        **batch: Any,
    ) -> Any:
        """Runs the selected network, or computes the current training stage's losses.

        Args:
            inputs: (B, 3, H, W), normalised; None in stages that need no images.
            data_samples: One multi-task sample an image.
            mode: ``tensor`` (raw head outputs by task), ``predict`` (samples with predictions) or ``loss``.
            **batch: What the stage's objective adds to a batch (``preferences``, ``step``).

        Returns:
            As ``mode`` says.
        """
        if mode == "loss":
            return self._losses(inputs=inputs, data_samples=data_samples, **batch)
        if mode not in ("tensor", "predict"):
            raise ValueError(f"mode={mode!r} is unknown, use 'tensor', 'predict' or 'loss'")
        if inputs is None or (mode == "predict" and data_samples is None):
            raise ValueError(f"mode={mode!r} needs inputs, and 'predict' also data_samples")
        # Read once: another thread may select another network meanwhile.
        selection = self._selection
        tree, states = (selection.tree, selection.node_states) if selection else (self.anchor_tree, None)
        if mode == "tensor" or data_samples is None:
            return self.run_tree(inputs, tree, states)
        self.attach(self.run_tree(inputs, tree, states, self.task_rows(data_samples)), data_samples)
        return list(data_samples)

    def _losses(self, **batch: Any) -> dict[str, Tensor]:
        if self._objective is not None:
            return self._objective.losses(self, **batch)
        # Under a stock train loop there are no stages: the anchor is trained.
        losses, logs = self.tree_losses(batch["inputs"], batch["data_samples"], self.anchor_tree)
        return {**{f"{task}.loss": loss for task, loss in zip(self.tasks, losses, strict=True)}, **logs}

    def begin_stage(self, objective: Objective) -> None:
        """Freezes all that the stage does not own; frozen parameters and buffers stay bit-identical."""
        self._objective = objective
        self._selection = None
        self.requires_grad_(False)
        for module in objective.trained_modules(self):
            module.requires_grad_(True)
        self.train()

    def train(self, mode: bool = True) -> ControllableNet:
        """As usual, but a stage decides about its frozen parts and ``norm_statistics`` about test time."""
        super().train(mode)
        if not mode:
            (use_batch_statistics if self.norm_statistics == "batch" else use_running_statistics)(self)
        elif self._objective is not None:
            self._objective.set_modes(self)
        else:
            update_running_statistics(self)
        return self

    def _build_weight_hypernet(self, config: Mapping[str, Any]) -> StateHypernet:
        # Of a static network, only what can run is counted and trained.
        tree = self.static_tree or self.anchor_tree
        sizes = {"num_tasks": self.num_tasks, "num_layers": self.num_layers, "parts": self.tree_parts(tree)}
        return cast(StateHypernet, build_part(config, **sizes))

    def _register_stage_results(self) -> None:
        """Buffers that one stage leaves to the next; NaN until then."""
        entries = self.num_tasks ** (self.num_layers + 1)
        shape = (self.num_tasks,) * (self.num_layers + 1) if entries <= MAX_PATH_TABLE else (0,)
        self.register_buffer("path_losses", torch.full(shape, torch.nan))
        self.register_buffer("loss_scale", torch.full((self.num_tasks,), torch.nan))
        self.register_buffer("affinity", torch.full((self.num_tasks, self.num_tasks), torch.nan))

    def preference_tensors(self, preferences: Sequence[Preference]) -> tuple[Tensor, Tensor]:
        """(B, N) weights and (B,) cost weights of B preferences, as the hypernets take them."""
        options = {"dtype": self.loss_scale.dtype, "device": self.loss_scale.device}
        weights = torch.tensor([preference.weights for preference in preferences], **options)
        return weights, torch.tensor([preference.cost_weight for preference in preferences], **options)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> ControllableNet:
        # Moves and casts: the selection, calibrated statistics included, follows the parameters.
        super()._apply(fn, recurse)
        if self._selection is not None:
            self._selection = self._selection.map_states(fn)
        return self


def _select_again(model: ControllableNet, _incompatible_keys: Any) -> None:
    """After loading other weights, the selection's tensors are stale, and what was said about a given tree."""
    chosen = model.selection
    if chosen is not None:
        model.set_preference(chosen.preference, chosen.tree if chosen.is_given else None)
