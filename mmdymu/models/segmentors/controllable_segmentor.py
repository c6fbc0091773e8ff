"""The top model: N streams and heads, and two hypernets that choose among them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from mmengine.model import BaseModel, initialize
from mmpretrain.structures import MultiTaskDataSample
from torch import Tensor, nn
from torch.func import functional_call

from mmdymu.preference import Preference
from mmdymu.registry import MODELS
from mmdymu.tree import BranchingTree

from ..backbones import ControllableBackbone, NodeStates
from ..build import build_part
from ..complexity import Complexity, count_complexity
from ..heads import attach_predictions, head_loss
from ..hypernets import modulated_state, norm_slots
from ..norms import NORM_STATISTICS, use_batch_statistics, use_running_statistics
from ..streams import build_stream
from .anchor import check_anchor_checkpoints, load_single_task
from .selection import Selection

MAX_PATH_TABLE = 20_000
"""Largest number of paths N·N^L whose losses are tabulated (method notes, path table)."""


class Objective(Protocol):
    """What a training stage asks of the model."""

    def trained_modules(self, model: ControllableSegmentor) -> Sequence[nn.Module]:
        """Modules whose parameters the stage owns."""

    def set_modes(self, model: ControllableSegmentor) -> None:
        """Sets training and evaluation modes of all modules."""

    def losses(self, model: ControllableSegmentor, **batch: Any) -> dict[str, Tensor]:
        """The losses of one batch."""


@MODELS.register_module()
class ControllableSegmentor(BaseModel):
    """One multi-task network that changes its tree and its norms with a preference.

    Before :meth:`set_preference` is called it runs the anchor itself: one separate stream a task.

    Args:
        tasks: Names of the N tasks; every vector follows their order.
        stream: ``dict(backbone=dict(type='mmseg.ResNet', …), granularity='stage', merge=None)``, see
            :func:`mmdymu.models.streams.build_stream`.
        heads: Config of a head for every task: any mmseg decode head, or one of ours with its ``decoder``.
        edge_hypernet: Config; sizes are filled in.
        weight_hypernet: Config, or None for a model that never adapts its norms.
        anchor: ``dict(checkpoints={task: path})`` to start from single-task models.
        image_size: (height, width) for which costs are counted.
        data_preprocessor: Config of the data preprocessor.
        init_cfg: As in mmengine.

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
        image_size: tuple[int, int] = (512, 512),
        data_preprocessor: Mapping[str, Any] | None = None,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.tasks = _checked_tasks(tasks, heads or {})
        self.image_size = tuple(image_size)
        self.anchor_checkpoints = check_anchor_checkpoints(anchor["checkpoints"], self.tasks) if anchor else {}
        if not stream:
            raise ValueError("model.stream is missing: dict(backbone=dict(type='mmseg.ResNet', …))")
        self.backbone = ControllableBackbone([build_stream(**stream) for _ in self.tasks])
        self.heads = nn.ModuleDict({task: _build_head(heads[task]) for task in self.tasks})  # type: ignore[index]
        self._slots = {node: norm_slots(self.backbone.node(node)) for node in self._all_nodes()}
        self.edge_hypernet = build_part(
            edge_hypernet or {"type": "mmdymu.EdgeHypernet"}, num_tasks=self.num_tasks, num_layers=self.num_layers
        )
        channels = {node: sum(size for _, size in slots) for node, slots in self._slots.items() if slots}
        self.weight_hypernet = (
            build_part(weight_hypernet, num_tasks=self.num_tasks, channels=channels) if weight_hypernet else None
        )
        self._register_stage_results()
        self.norm_statistics = "running"
        self._objective: Objective | None = None
        self._selection: Selection | None = None
        self._complexity: Complexity | None = None
        self.register_load_state_dict_post_hook(_select_again)

    # ---------------------------------------------------------------- values

    @property
    def num_tasks(self) -> int:
        """Number of tasks, N."""
        return len(self.tasks)

    @property
    def num_layers(self) -> int:
        """Number of branching decisions of a path, L."""
        return self.backbone.num_layers

    @property
    def selection(self) -> Selection | None:
        """What the last preference selected; None before the first."""
        return self._selection

    @property
    def anchor_tree(self) -> BranchingTree:
        """The anchor: every task has a stream of its own."""
        return BranchingTree.separate(self.num_tasks, self.num_layers)

    @property
    def is_controllable(self) -> bool:
        """Whether the edge hypernet's training has begun; before, only the anchor means anything."""
        return bool(torch.isfinite(self.loss_scale).all())

    @property
    def complexity(self) -> Complexity:
        """Costs of all nodes and heads at ``image_size``; counted on first use."""
        if self._complexity is None:
            self._complexity = count_complexity(
                self.backbone, [self.heads[task] for task in self.tasks], (3, *self.image_size)
            )
        return self._complexity

    def report(self) -> dict[str, Any]:
        """What the selected network is and costs: tree, nodes, GFLOPs (multiply-adds), parameters, share."""
        tree = self._selection.tree if self._selection else self.anchor_tree
        return {
            "tree": tree.draw(self.tasks),
            "nodes_used": tree.num_used,
            "nodes_total": self.num_tasks * self.num_layers,
            "gflops": self.complexity.flops(tree) / 1e9,
            "params": self.complexity.params(tree),
            "share": self.complexity.share(tree),
        }

    # ----------------------------------------------------------- preference

    @torch.no_grad()
    def set_preference(self, preference: Preference) -> BranchingTree:
        """Selects tree and norm parameters; needs no data and runs no image.

        Args:
            preference: Its tasks must be the model's.

        Returns:
            The tree that runs from now on.

        Raises:
            ValueError: If the preference is about other tasks.
        """
        if tuple(preference.tasks) != self.tasks:
            raise ValueError(f"preference is about tasks {list(preference.tasks)}, the model has {list(self.tasks)}")
        tree = self.predict_tree(preference)
        self._selection = Selection(preference, tree, self.norm_states(preference, tree))
        return tree

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
        return self.edge_hypernet(*self._as_tensors(preferences))

    def predict_tree(self, preference: Preference) -> BranchingTree:
        """The most likely parent everywhere."""
        return BranchingTree.from_logits(self.edge_logits([preference])[0].detach().cpu())

    def norm_states(self, preference: Preference, tree: BranchingTree) -> dict[tuple[int, int], dict[str, Tensor]]:
        """Norm parameters of a tree's nodes under a preference; empty without a weight hypernet."""
        if self.weight_hypernet is None:
            return {}
        weights, cost_weight = self._as_tensors([preference])
        nodes = [(layer, i) for layer, used in enumerate(tree.used_nodes) for i in used if self._slots[layer, i]]
        deltas = self.weight_hypernet(weights[0], cost_weight[0], nodes)
        return {node: modulated_state(self.backbone.node(node), self._slots[node], deltas[node]) for node in nodes}

    # -------------------------------------------------------------- running

    def run_tree(self, inputs: Tensor, tree: BranchingTree, node_states: NodeStates | None = None) -> dict[str, Tensor]:
        """Raw head outputs (B, C, h, w) by task, for one tree."""
        return self.run_heads(self.backbone(inputs, tree, node_states), node_states)

    def run_heads(
        self, features: Sequence[tuple[Tensor, ...]], node_states: NodeStates | None = None
    ) -> dict[str, Tensor]:
        """Raw head outputs (B, C, h, w) by task, from each task's features."""
        outputs = {}
        for index, task in enumerate(self.tasks):
            state = (node_states or {}).get((self.num_layers, index))
            head = self.heads[task]
            outputs[task] = functional_call(head, dict(state), (features[index],)) if state else head(features[index])
        return outputs

    def task_losses(
        self, outputs: Mapping[str, Tensor], data_samples: Sequence[MultiTaskDataSample]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """(N,) mean losses of a batch, unweighted, and values to log."""
        losses, logs = [], {}
        for task in self.tasks:
            loss, log = head_loss(self.heads[task], outputs[task], [sample.get(task) for sample in data_samples])
            losses.append(loss)
            logs.update({f"{task}.{name}": value for name, value in log.items() if "loss" not in name})
        return torch.stack(losses), logs

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
        tree = self._selection.tree if self._selection else self.anchor_tree
        states = self._selection.node_states if self._selection else None
        outputs = self.run_tree(inputs, tree, states)  # type: ignore[arg-type]
        if mode == "tensor":
            return outputs
        for task in self.tasks:
            attach_predictions(self.heads[task], outputs[task], [sample.get(task) for sample in data_samples or ()])
        return list(data_samples or ())

    def _losses(self, **batch: Any) -> dict[str, Tensor]:
        if self._objective is not None:
            return self._objective.losses(self, **batch)
        # Under a stock train loop there are no stages: the anchor is trained.
        losses, logs = self.task_losses(self.run_tree(batch["inputs"], self.anchor_tree), batch["data_samples"])
        return {**{f"{task}.loss": loss for task, loss in zip(self.tasks, losses, strict=True)}, **logs}

    # ------------------------------------------------------------- training

    def begin_stage(self, objective: Objective) -> None:
        """Freezes all that the stage does not own; frozen parameters and buffers stay bit-identical."""
        self._objective = objective
        self._selection = None
        self.requires_grad_(False)
        for module in objective.trained_modules(self):
            module.requires_grad_(True)
        self.train()

    def train(self, mode: bool = True) -> ControllableSegmentor:
        """As usual, except that a stage decides about its frozen parts and ``norm_statistics`` about test time."""
        super().train(mode)
        if mode and self._objective is not None:
            self._objective.set_modes(self)
        elif not mode:
            (use_batch_statistics if self.norm_statistics == "batch" else use_running_statistics)(self)
        return self

    def init_weights(self) -> None:
        """Initialises all parts; single-task checkpoints, where configured, replace streams and heads."""
        self.backbone.init_weights()
        for head in self.heads.values():
            head.init_weights()
        if self.init_cfg:
            initialize(self, self.init_cfg)
        for index, (task, checkpoint) in enumerate(self.anchor_checkpoints.items()):
            load_single_task(checkpoint, self.backbone.streams[index], self.heads[task])

    def get_extra_state(self) -> Tensor:
        """The task names, so that a checkpoint of another task set is refused."""
        return torch.tensor(list(json.dumps(self.tasks).encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Refuses a checkpoint of another task set."""
        tasks = tuple(json.loads(bytes(state.tolist())))
        if tasks != self.tasks:
            raise ValueError(f"the checkpoint belongs to tasks {list(tasks)}, the model has {list(self.tasks)}")

    # -------------------------------------------------------------- helpers

    def _all_nodes(self) -> list[tuple[int, int]]:
        return [(layer, i) for layer in range(self.num_layers) for i in range(self.num_tasks)]

    def _register_stage_results(self) -> None:
        """Buffers that one stage leaves to the next; NaN until then."""
        entries = self.num_tasks ** (self.num_layers + 1)
        shape = (self.num_tasks,) * (self.num_layers + 1) if entries <= MAX_PATH_TABLE else (0,)
        self.register_buffer("path_losses", torch.full(shape, torch.nan))
        self.register_buffer("loss_scale", torch.full((self.num_tasks,), torch.nan))
        self.register_buffer("affinity", torch.full((self.num_tasks, self.num_tasks), torch.nan))

    def _as_tensors(self, preferences: Sequence[Preference]) -> tuple[Tensor, Tensor]:
        options = {"dtype": torch.float32, "device": self.loss_scale.device}
        weights = torch.tensor([preference.weights for preference in preferences], **options)
        return weights, torch.tensor([preference.cost_weight for preference in preferences], **options)

    def _refresh(self) -> None:
        if self._selection is not None:
            self.set_preference(self._selection.preference)

    def _apply(self, *args: Any, **kwargs: Any) -> ControllableSegmentor:
        super()._apply(*args, **kwargs)
        self._refresh()
        return self


def _select_again(model: ControllableSegmentor, _incompatible_keys: Any) -> None:
    """After loading other weights, the selection's tensors are stale."""
    model._refresh()


def _checked_tasks(tasks: Sequence[str], heads: Mapping[str, Any]) -> tuple[str, ...]:
    if isinstance(tasks, str) or not tasks or len(set(tasks)) != len(tasks):
        raise ValueError(f"model.tasks={tasks!r} must be a non-empty sequence of unique task names")
    if set(heads) != set(tasks):
        raise ValueError(f"model.heads has {sorted(heads)}, model.tasks is {list(tasks)}: every task needs one head")
    return tuple(tasks)


def _build_head(config: Mapping[str, Any]) -> nn.Module:
    parts = dict(config)
    if isinstance(parts.get("decoder"), Mapping):
        parts["decoder"] = build_part(parts["decoder"])
    return build_part(parts)
