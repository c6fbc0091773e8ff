"""One training stage: its length, optimiser, schedule and objective."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmdymu.registry import OBJECTIVES

from ..objectives import StageObjective


@dataclass(frozen=True)
class Stage:
    """A stretch of iterations with one objective.

    Attributes:
        name: Unique name, also part of the seeds: ``trunk``, ``anchor``, ``edges``, ``weights``.
        start: Iteration of the run at which it begins.
        max_iters: Number of iterations.
        objective: What is trained.
        optim_wrapper: Config; keys that are not given come from the runner's ``optim_wrapper``.
        param_scheduler: Configs; they count the stage's own iterations.
        batch_size: Images a process takes in one iteration; None takes the train loader's.
    """

    name: str
    start: int
    max_iters: int
    objective: StageObjective
    optim_wrapper: Mapping[str, Any] = field(default_factory=dict)
    param_scheduler: Sequence[Mapping[str, Any]] = ()
    batch_size: int | None = None

    @property
    def stop(self) -> int:
        """Iteration of the run after the last one."""
        return self.start + self.max_iters

    def schedulers(self) -> list[dict[str, Any]]:
        """The schedule's configs, by iteration, ending with the stage."""
        # A stage that was made shorter leaves out what would begin after its end.
        configs = [dict(config) for config in self.param_scheduler if config.get("begin", 0) < self.max_iters]
        for config in configs:
            config.setdefault("by_epoch", False)
            if config["by_epoch"]:
                raise ValueError(f"stage {self.name!r}: param_scheduler {config['type']} must have by_epoch=False")
            if config["type"] not in ("MultiStepLR", "StepLR"):
                config.setdefault("end", self.max_iters)
            if config["type"] == "CosineAnnealingLR":
                config.setdefault("T_max", config["end"] - config.get("begin", 0))
        return configs


ORDER = ("trunk", "anchor", "edges", "weights")
"""Where a stage of a known name runs, whatever the order in the config; others come last."""


def listed_stages(
    stages: Mapping[str, Any] | Sequence[Mapping[str, Any]], skip: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Stages by name as a list in running order.

    Args:
        stages: Configs by name; None switches a stage off. A list of configs with names is taken as it is.
        skip: Names of stages that are left out.

    Returns:
        Configs with their names.
    """
    if isinstance(stages, Mapping):
        names = sorted(
            (name for name in stages if stages[name]), key=lambda n: ORDER.index(n) if n in ORDER else len(ORDER)
        )
        stages = [{"name": name, **stages[name]} for name in names]
    return [dict(stage) for stage in stages if stage.get("name") not in skip]


_OPTIONS = frozenset(Stage.__dataclass_fields__) - {"start"}


def build_stages(configs: Sequence[Mapping[str, Any]]) -> list[Stage]:
    """Lays stages end to end.

    Args:
        configs: ``dict(name=…, max_iters=…, objective=dict(type=…), optim_wrapper=…, param_scheduler=[…])`` each.

    Returns:
        The stages in running order.

    Raises:
        ValueError: If there is no stage, a name occurs twice, a setting is missing or unknown, or a number is not
            a positive integer.
    """
    stages: list[Stage] = []
    for config in configs:
        stages.append(_build_stage(config, stages[-1].stop if stages else 0))
    names = [stage.name for stage in stages]
    if not stages or len(set(names)) != len(names):
        raise ValueError(f"train_cfg.stages={names} must be a non-empty list of stages with unique names")
    return stages


def _build_stage(config: Mapping[str, Any], start: int) -> Stage:
    options = copy.deepcopy(dict(config))
    missing = sorted({"name", "max_iters", "objective"} - options.keys())
    unknown = sorted(options.keys() - _OPTIONS)
    if missing or unknown:
        found = f"lacks {missing}" if missing else f"has unknown settings {unknown}"
        raise ValueError(f"train_cfg.stages: stage {options.get('name')!r} {found}; it takes {sorted(_OPTIONS)}")
    for key in ("max_iters", "batch_size"):
        value = options.get(key, 1)
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"stage {options['name']!r}: {key}={value!r} must be a positive integer")
    stage = Stage(start=start, **{**options, "objective": OBJECTIVES.build(options["objective"])})
    stage.schedulers()  # A mistake in a late stage shows at once.
    return stage
