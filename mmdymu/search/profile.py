"""How long the parts of a model take on one device."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log

from mmdymu.budget import Budget
from mmdymu.models import ControllableNet
from mmdymu.tree import BranchingTree
from mmdymu.whole_file import whole_file

__all__ = ["NodeProfile", "model_signature"]

FORMAT = 1


@dataclass(frozen=True)
class NodeProfile:
    """Times of a model's parts on one device, norms folded into the convolutions; milliseconds a batch.

    Attributes:
        node_ms: (L,), a node of each layer; streams are of one architecture.
        head_ms: (N,), the heads in task order.
        overhead_ms: What a network takes on top of the sum of its parts.
        size: (height, width) of the images.
        device: ``cpu`` or ``cuda``.
        model: :func:`model_signature` of the measured model.
        about: What else there is to know: batch size, threads, date, versions, the device's name, measured error.

    Raises:
        ValueError: If a number is no time, or sizes do not agree.
    """

    node_ms: tuple[float, ...]
    head_ms: tuple[float, ...]
    overhead_ms: float
    size: tuple[int, int]
    device: str
    model: Mapping[str, Any]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Validates, and turns sequences into tuples."""
        object.__setattr__(self, "node_ms", _times("node_ms", self.node_ms))
        object.__setattr__(self, "head_ms", _times("head_ms", self.head_ms))
        object.__setattr__(self, "overhead_ms", *_times("overhead_ms", [self.overhead_ms]))
        if not (_is_list(self.size) and len(self.size) == 2 and all(type(n) is int and n > 0 for n in self.size)):
            raise ValueError(f"profile: size={self.size!r} must be (height, width)")
        object.__setattr__(self, "size", tuple(self.size))
        if self.device not in ("cpu", "cuda"):
            raise ValueError(f"profile: device={self.device!r} must be 'cpu' or 'cuda'")
        if not isinstance(self.model, Mapping) or not isinstance(self.about, Mapping):
            raise ValueError("profile: model and about must be dictionaries")
        if not any(self.node_ms):
            raise ValueError(f"profile: node_ms={self.node_ms} must not be all zero")

    @property
    def fixed_ms(self) -> float:
        """What every tree takes: heads and overhead."""
        return math.fsum(self.head_ms) + self.overhead_ms

    def latency_ms(self, tree: BranchingTree) -> float:
        """The time that a tree with all heads should take."""
        return tree.cost([[time] * tree.num_tasks for time in self.node_ms]) + self.fixed_ms

    def check(self, model: ControllableNet) -> None:
        """Refuse another model's profile; warn if images, batch, device or threads are others.

        Args:
            model: The model whose trees are to be judged.

        Raises:
            ValueError: If the profile was measured on a model with other parts.
        """
        own = model_signature(model)
        other = [name for name in own if self.model.get(name) != own[name]]
        if other:
            name = other[0]
            raise ValueError(
                f"the profile is one of another model: its {name} is {self.model.get(name)!r}, here it is "
                f"{own[name]!r}; measure this model with tools/profile_nodes.py"
            )
        if self.size != tuple(model.image_size):
            message = f"the profile was measured on images of {_by(self.size)}, the model's are {_by(model.image_size)}"
            print_log(f"{message}: latencies hold for the former", "current", logging.WARNING)
        for name, here in (("threads", torch.get_num_threads()), ("batch", 1)):
            found = self.about.get(name, here)
            if found != here and (name != "threads" or self.device == "cpu"):
                message = f"the profile was measured with {name}={found!r}, here it is {here}"
                print_log(f"{message}: latencies hold for the former", "current", logging.WARNING)
        device = next(model.parameters()).device.type
        if device != self.device:
            message = f"the profile was measured on {self.device!r}, the model is on {device!r}"
            print_log(f"{message}: latencies hold for the former", "current", logging.WARNING)

    def save(self, path: str | Path) -> None:
        """Write a JSON file, whole or not at all; its folder is made if need be."""
        with whole_file(path) as unfinished:
            unfinished.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> NodeProfile:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is no profile.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"profile {str(path)!r} does not exist: measure one with tools/profile_nodes.py")
        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"profile {str(path)!r} is no JSON file: {error}") from error
        names = [entry.name for entry in fields(cls)]
        if not isinstance(found, dict) or found.pop("format", None) != FORMAT or sorted(found) != sorted(names):
            raise ValueError(
                f"{str(path)!r} is no profile of tools/profile_nodes.py: it must have format {FORMAT} and {names}"
            )
        try:
            return cls(**found)
        except ValueError as error:
            raise ValueError(f"{str(path)!r} is damaged: {error}") from error

    @classmethod
    def of_config(cls, config: Mapping[str, Any], *budgets: Budget | None) -> NodeProfile | None:
        """The file that a config's ``profile`` names, read where a budget of latency asks for it; None elsewhere.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is no profile.
        """
        path = config.get("profile")
        needed = any(budget is not None and budget.kind == "latency_ms" for budget in budgets)
        return cls.load(path) if path and needed else None


def model_signature(model: ControllableNet) -> dict[str, Any]:
    """What a profile depends on in a model: tasks, and the size of every part; not its weights' values."""
    complexity = model.complexity
    return {
        "tasks": list(model.tasks),
        "node_params": [row[0] for row in complexity.node_params],
        "head_params": list(complexity.head_params),
    }


def _times(name: str, values: Any) -> tuple[float, ...]:
    known = _is_list(values) and len(values) > 0 and all(type(value) in (int, float) for value in values)
    if not known or not all(0 <= value < math.inf for value in values):
        raise ValueError(f"profile: {name}={values!r} must be finite times in milliseconds")
    return tuple(map(float, values))


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _by(size: Sequence[int]) -> str:
    return f"{size[0]}x{size[1]}"
