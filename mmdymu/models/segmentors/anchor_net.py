"""The anchor net: N single-task networks, which run separately or along any tree of their nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseModel, initialize
from mmpretrain.structures import MultiTaskDataSample
from torch import Tensor, nn

from mmdymu.registry import check_prefix
from mmdymu.tree import BranchingTree

from ..backbones import ControllableBackbone, Node, NodeStates, Rows
from ..build import build_part
from ..complexity import Complexity, count_complexity
from ..replacing import with_tensors
from ..streams import build_stream
from .single_task import anchor_checkpoints, load_single_task


class AnchorNet(BaseModel):
    """N streams of one architecture with a head each: the warehouse of every tree's nodes.

    Args:
        tasks: Names of the N tasks; every vector follows their order.
        stream: ``dict(backbone=dict(type='mmseg.ResNet', …), granularity='stage', merge=None)``, see
            :func:`mmdymu.models.streams.build_stream`.
        heads: Config of a head for every task: any mmseg decode head, one of ours with its ``decoder``, or for a
            classifier one of mmpretrain's.
        anchor: ``dict(checkpoints={task: path})`` to start from single-task models.
        image_size: (height, width) for which costs are counted.
        data_preprocessor: Config of the data preprocessor.
        init_cfg: As in mmengine.
        channels_last: Lay weights and features out by channels last, which is faster; False for heads that cannot read
            such features, as mmseg's DMHead ("view size is not compatible").

    Attributes:
        cfg: The config that the model was built from, where it is known (:func:`mmdymu.apis.init_model`).
        dataset_meta: What is known of its tasks by name: kinds, classes, colours.

    Raises:
        ValueError: If ``tasks`` is empty, or heads or checkpoints do not match it.
        KeyError: If the type of a part is not known.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        stream: Mapping[str, Any] | None,
        heads: Mapping[str, Mapping[str, Any]] | None,
        anchor: Mapping[str, Any] | None = None,
        image_size: Sequence[int] = (512, 512),
        data_preprocessor: Mapping[str, Any] | None = None,
        init_cfg: Mapping[str, Any] | None = None,
        channels_last: bool = True,
    ) -> None:
        check_prefix(data_preprocessor)
        super().__init__(data_preprocessor, init_cfg)
        heads = heads or {}
        self.cfg: Config | None = None
        self.dataset_meta: Mapping[str, Any] = {}
        self.tasks = _checked_tasks(tasks, heads)
        self.image_size = tuple(image_size)
        self.anchor_checkpoints = anchor_checkpoints(anchor, self.tasks)
        if not stream:
            raise ValueError("model.stream is missing: dict(backbone=dict(type='mmseg.ResNet', …))")
        self.backbone = ControllableBackbone([build_stream(**stream) for _ in self.tasks])
        self.heads = nn.ModuleDict({task: _build_head(heads[task]) for task in self.tasks})
        # Depthwise convolutions run up to seven times faster by channels last on a CPU, and half precision on a GPU
        # likes it too.
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        for part in (self.backbone, self.heads):
            part.to(memory_format=self.memory_format)  # type: ignore[call-overload]

    @property
    def num_tasks(self) -> int:
        """Number of tasks, N."""
        return len(self.tasks)

    @property
    def num_layers(self) -> int:
        """Number of branching decisions of a path, L."""
        return self.backbone.num_layers

    @property
    def anchor_tree(self) -> BranchingTree:
        """The anchor itself: every task has a stream of its own."""
        return BranchingTree.separate(self.num_tasks, self.num_layers)

    @cached_property
    def complexity(self) -> Complexity:
        """Costs of all nodes and heads at ``image_size``; counted on first use."""
        return count_complexity(self.backbone, [self.heads[task] for task in self.tasks], (3, *self.image_size))

    def tree_parts(self, tree: BranchingTree) -> dict[Node, nn.Module]:
        """The nodes that a tree runs, and all heads as the nodes of layer L."""
        nodes = [(layer, i) for layer, streams in enumerate(tree.used_nodes) for i in streams]
        heads = {(self.num_layers, i): self.heads[task] for i, task in enumerate(self.tasks)}
        return {**{node: self.backbone.node(node) for node in nodes}, **heads}

    def run_tree(
        self,
        inputs: Tensor,
        tree: BranchingTree,
        node_states: NodeStates | None = None,
        rows: Rows | None = None,
    ) -> dict[str, Tensor]:
        """Raw head outputs, (B, C, h, w) or (B, C), by task, for one tree.

        Args:
            inputs: (B, 3, H, W) images, normalised.
            tree: Which stream's node feeds which.
            node_states: Tensors that replace parameters and buffers of nodes; heads are the nodes of layer L.
            rows: Per task the images that count for it, see :meth:`task_rows`; each node then runs only the images of
                the tasks above it. None runs all images everywhere.

        Returns:
            The outputs in task order; with ``rows`` those of the task's own images, and none of a task without.
        """
        outputs = {}
        for index, features in self.backbone.walk(inputs, tree, node_states, rows):
            outputs[index] = self._run_head(index, features, node_states)
            del features
        return {task: outputs[index] for index, task in enumerate(self.tasks) if index in outputs}

    def run_heads(self, features: Sequence[tuple[Tensor, ...]]) -> dict[str, Tensor]:
        """Raw head outputs by task, from each task's features; a task without features gets none."""
        pairs = zip(self.tasks, features, strict=True)
        return {task: self._run_head(index, inputs) for index, (task, inputs) in enumerate(pairs) if inputs}

    def _run_head(self, index: int, features: tuple[Tensor, ...], node_states: NodeStates | None = None) -> Tensor:
        state = (node_states or {}).get((self.num_layers, index))
        head = self.heads[self.tasks[index]]
        return (with_tensors(head, state) if state else head)(features)

    def tree_losses(
        self,
        inputs: Tensor,
        data_samples: Sequence[MultiTaskDataSample],
        tree: BranchingTree,
        node_states: NodeStates | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """:meth:`task_losses` of one tree, which runs no more images than they need."""
        rows = self.task_rows(data_samples)
        return self.task_losses(self.run_tree(inputs, tree, node_states, rows), data_samples)

    def task_losses(
        self, outputs: Mapping[str, Tensor], data_samples: Sequence[MultiTaskDataSample]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """(N,) mean losses of a batch, unweighted, and values to log."""
        losses, logs = [], {}
        for task in self.tasks:
            loss, log = self.task_loss(task, outputs.get(task), data_samples)
            losses.append(loss)
            logs.update({f"{task}.{name}": value for name, value in log.items() if "loss" not in name})
        return torch.stack(losses), logs

    def task_loss(
        self, task: str, raw: Tensor | None, data_samples: Sequence[MultiTaskDataSample]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One task's mean loss and values to log.

        Args:
            task: Its name.
            raw: What its head gave, for all images or for those of :meth:`task_rows`.
            data_samples: All images' samples.
        """
        raise NotImplementedError

    def attach(self, outputs: Mapping[str, Tensor], data_samples: Sequence[MultiTaskDataSample]) -> None:
        """Writes predictions into samples, from raw outputs as :meth:`task_loss` takes them."""
        raise NotImplementedError

    def task_rows(self, data_samples: Sequence[MultiTaskDataSample]) -> Rows | None:
        """Per task the numbers of the images that count for it; None where all count for all tasks."""
        return None

    def task_counts(self, data_samples: Sequence[MultiTaskDataSample]) -> list[int]:
        """Per task the number of images that count for it."""
        rows = self.task_rows(data_samples)
        return [len(data_samples)] * self.num_tasks if rows is None else [len(own) for own in rows]

    def init_weights(self) -> None:
        """Initialises all parts; single-task checkpoints, where configured, replace streams and heads."""
        self.backbone.init_weights()
        for head in self.heads.values():
            head.init_weights()  # type: ignore[operator]
        if self.init_cfg:
            initialize(self, self.init_cfg)
        for index, (task, checkpoint) in enumerate(self.anchor_checkpoints.items()):
            load_single_task(checkpoint, self.backbone.stream(index), self.heads[task])

    def get_extra_state(self) -> Tensor:
        """The task names, so that a checkpoint of another task set is refused."""
        return torch.tensor(list(json.dumps(self.tasks).encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Refuses a checkpoint of another task set."""
        tasks = task_names(state)
        if tasks != self.tasks:
            raise ValueError(
                f"the checkpoint belongs to tasks {list(tasks)}, the model has {list(self.tasks)}: "
                "use the config that it was trained with"
            )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *options: Any) -> None:
        # mmengine loads what fits and only logs the rest, which would test untrained weights.
        state = state_dict.get(f"{prefix}_extra_state")
        if state is not None and task_names(state) == self.tasks:
            _check_shapes(self.state_dict(), state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *options)


def task_names(state: Tensor) -> tuple[str, ...]:
    """The tasks that a checkpoint belongs to, from its model's extra state."""
    return tuple(json.loads(bytes(state.tolist())))


def _check_shapes(own: Mapping[str, Tensor], loaded: Mapping[str, Tensor], prefix: str) -> None:
    """Refuses the checkpoint of another network with the same tasks."""
    shapes = {
        name: (tuple(loaded[prefix + name].shape), tuple(own[name].shape)) for name in own if prefix + name in loaded
    }
    other = {name: pair for name, pair in shapes.items() if pair[0] != pair[1] and not name.endswith("_extra_state")}
    if other:
        name, (found, wanted) = next(iter(other.items()))
        raise ValueError(
            f"the checkpoint belongs to another network: {len(other)} of its tensors have other shapes, the first is "
            f"{name!r} with {found}, the model has {wanted}: use the config that it was trained with"
        )


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
