"""A stream: one backbone, cut into a chain of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

_MISSING_WEIGHTS = (
    "cannot read the pretrained weights {!r} of the streams ({}). Put the file there; or set MMDYMU_DATA_ROOT to the "
    "folder that holds it, where the config reads that; or name another file or URL in "
    "model.stream.backbone.init_cfg.checkpoint; or leave init_cfg out and begin train_cfg.stages with a 'trunk' stage"
)


@dataclass(frozen=True)
class Unit:
    """The smallest piece that a family cuts a backbone into.

    Attributes:
        modules: Sub-modules of the backbone by dotted name (``layer1.0``), in the order in which they run.
        is_output: Whether the backbone hands this unit's output to its heads.
    """

    modules: Mapping[str, nn.Module]
    is_output: bool = False


class Stream(nn.Module):
    """A chain of nodes that computes what the wrapped backbone computes.

    The nodes hold the backbone's own modules, so parameters have the backbone's names behind
    ``nodes.<layer>.``, and single-task checkpoints load by key mapping alone (:meth:`load_backbone_state_dict`).

    Args:
        backbone: The backbone that was cut; it initialises the weights (``init_cfg``).
        units: Its units in running order.
        merge: Sizes of consecutive groups of units that form one node each; None makes every unit a node.

    Raises:
        ValueError: If ``merge`` does not cover the units or hides an output inside a node.
    """

    def __init__(self, backbone: BaseModule, units: Sequence[Unit], merge: Sequence[int] | None = None) -> None:
        super().__init__()
        groups = _group(units, merge)
        self.nodes = nn.ModuleList(_nest([unit.modules for unit in group]) for group in groups)
        self.out_layers = tuple(layer for layer, group in enumerate(groups) if group[-1].is_output)
        # A tuple hides the backbone from nn.Module: its modules are registered once, as parts of the nodes.
        self._wrapped = (backbone,)

    @property
    def num_layers(self) -> int:
        """Number of nodes, L."""
        return len(self.nodes)

    @property
    def pretrained(self) -> str | None:
        """Where the wrapped backbone takes its initial weights from; None if they are random."""
        init_cfg = self._wrapped[0].init_cfg
        configs = init_cfg if isinstance(init_cfg, (list, tuple)) else [init_cfg]
        found = [cfg["checkpoint"] for cfg in configs if cfg and cfg.get("type") == "Pretrained"]
        return found[0] if found else None

    def init_weights(self) -> None:
        """Initialises the nodes as the wrapped backbone initialises itself.

        Raises:
            FileNotFoundError: If its pretrained weights cannot be read.
        """
        try:
            self._wrapped[0].init_weights()
        except OSError as error:
            raise FileNotFoundError(_MISSING_WEIGHTS.format(self.pretrained, error)) from error

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Runs all nodes; returns the features of the output layers, as the wrapped backbone does."""
        features = []
        for layer, node in enumerate(self.nodes):
            x = node(x)
            if layer in self.out_layers:
                features.append(x)
        return tuple(features)

    def load_backbone_state_dict(self, state_dict: Mapping[str, Tensor]) -> None:
        """Loads weights that carry the wrapped backbone's names.

        Args:
            state_dict: Backbone weights; entries that the stream does not have are ignored.

        Raises:
            KeyError: If a weight of the stream is missing.
            ValueError: If a weight has another shape.
        """
        own = self.state_dict()
        renamed = {key: key.split(".", 2)[2] for key in own}
        missing = [name for name in renamed.values() if name not in state_dict and "num_batches" not in name]
        if missing:
            raise KeyError(f"checkpoint lacks {len(missing)} backbone weights, the first is {missing[0]!r}")
        for key, name in renamed.items():
            if name in state_dict and state_dict[name].shape != own[key].shape:
                found, wanted = tuple(state_dict[name].shape), tuple(own[key].shape)
                raise ValueError(f"weight {name!r} has shape {found}, the stream wants {wanted}")
        self.load_state_dict({key: state_dict.get(name, own[key]) for key, name in renamed.items()})


@torch.no_grad()
def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Copies parameters and buffers between two modules of one architecture."""
    target.load_state_dict(source.state_dict())


def _group(units: Sequence[Unit], merge: Sequence[int] | None) -> list[list[Unit]]:
    sizes = [1] * len(units) if merge is None else list(merge)
    if sum(sizes) != len(units) or any(size < 1 for size in sizes):
        raise ValueError(f"merge={tuple(sizes)} must be positive group sizes that sum to {len(units)} units")
    groups, start = [], 0
    for size in sizes:
        group = list(units[start : start + size])
        if any(unit.is_output for unit in group[:-1]):
            names = [next(iter(unit.modules)) for unit in group]
            raise ValueError(f"merge={tuple(sizes)} puts units {names} into one node, but an inner one feeds the heads")
        groups.append(group)
        start += size
    return groups


def _nest(parts: Sequence[Mapping[str, nn.Module]]) -> nn.Sequential:
    """Rebuilds the backbone's module tree for one node, so that dotted names stay as they were."""
    root = nn.Sequential()
    for modules in parts:
        for name, module in modules.items():
            *parents, leaf = name.split(".")
            holder = root
            for parent in parents:
                if parent not in dict(holder.named_children()):
                    holder.add_module(parent, nn.Sequential())
                holder = holder.get_submodule(parent)  # type: ignore[assignment]
            holder.add_module(leaf, module)
    return root
