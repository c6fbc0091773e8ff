"""One training stage: its length, optimiser, schedule and objective."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmengine.dataset import Compose

from mmdymu.registry import OBJECTIVES, build_own

from ..objectives import StageObjective


@dataclass(frozen=True)
class Stage:
    """A stretch of iterations with one objective.

    Attributes:
        name: Unique name, also part of the seeds, see :data:`ORDER`.
        start: Iteration of the run at which it begins.
        max_iters: Number of iterations.
        objective: What is trained.
        optim_wrapper: Config; keys that are not given come from the runner's ``optim_wrapper``.
        param_scheduler: Configs; they count the stage's own iterations.
        batch_size: Images a process takes in one iteration; None takes the train loader's.
        pipeline: Configs of the transforms of its images, if its objective needs images; None takes those of the train
            loader's data set.
    """

    name: str
    start: int
    max_iters: int
    objective: StageObjective
    optim_wrapper: Mapping[str, Any] = field(default_factory=dict)
    param_scheduler: Sequence[Mapping[str, Any]] = ()
    batch_size: int | None = None
    pipeline: Sequence[Mapping[str, Any]] | None = None

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


ORDER = ("trunk", "anchor", "edges", "weights", "search", "tree", "retrain")
"""The order in which stages run, whatever that in the config: a config that mmengine has dumped is sorted by name."""


_OPTIONS = frozenset(Stage.__dataclass_fields__) - {"name", "start"}


def build_stages(configs: Mapping[str, Mapping[str, Any] | None], skip: Sequence[str] = ()) -> list[Stage]:
    """Lays stages end to end.

    Args:
        configs: ``dict(max_iters=…, objective=dict(type=…), optim_wrapper=…, param_scheduler=[…])`` by name; None
            switches a stage off.
        skip: Names of stages that are left out.

    Returns:
        The stages in running order; those with names of their own come last, in alphabetical order.

    Raises:
        TypeError: If the configs are not given by name.
        ValueError: If no stage is left, a skipped name is unknown, stages with names of their own are given in another
            order, a setting is missing or unknown, a number is not a positive integer, or a pipeline cannot be built.
    """
    if not isinstance(configs, Mapping):
        raise TypeError(f"train_cfg.stages must be a dict of stages by name, got {type(configs).__name__}")
    unknown = sorted(set(skip) - {*configs, *ORDER})
    if unknown:
        raise ValueError(f"train_cfg.skip has {unknown}, but the stages are {[*configs]}")
    kept = {name: config for name, config in configs.items() if config is not None and name not in skip}
    others = [name for name in kept if name not in ORDER]
    if others != sorted(others):
        raise ValueError(
            f"train_cfg.stages: {others} are not in alphabetical order, in which stages run that are none of "
            f"{[*ORDER]}, since a dumped config keeps no other: name them so"
        )
    stages: list[Stage] = []
    for name in [*(name for name in ORDER if name in kept), *others]:
        stages.append(_build_stage(name, kept[name], stages[-1].stop if stages else 0))
    if not stages:
        raise ValueError(f"train_cfg.stages={[*configs]} without train_cfg.skip={[*skip]} leaves no stage to train")
    return stages


def _build_stage(name: str, config: Mapping[str, Any], start: int) -> Stage:
    options = copy.deepcopy(dict(config))
    missing = sorted({"max_iters", "objective"} - options.keys())
    unknown = sorted(options.keys() - _OPTIONS)
    if missing or unknown:
        found = f"lacks {missing}" if missing else f"has unknown settings {unknown}"
        raise ValueError(f"train_cfg.stages: stage {name!r} {found}; it takes {sorted(_OPTIONS)}{_similar(name)}")
    for key in ("max_iters", "batch_size"):
        value = options.get(key, 1)
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"stage {name!r}: {key}={value!r} must be a positive integer")
    if options.get("pipeline") is not None:
        _check_pipeline(name, options["pipeline"])
    stage = Stage(name=name, start=start, **{**options, "objective": build_own(OBJECTIVES, options["objective"])})
    stage.schedulers()  # A mistake in a late stage shows at once.
    return stage


def _similar(name: str) -> str:
    """The stage that is meant by a name that none of this package's has."""
    close = [] if name in ORDER else difflib.get_close_matches(name, ORDER, n=1, cutoff=0.7)
    return f". Did you mean stage {close[0]!r}?" if close else ""


def _check_pipeline(name: str, pipeline: Any) -> None:
    """Builds the transforms once: a mistake in a late stage shows at once."""
    if not isinstance(pipeline, list | tuple) or not all(isinstance(config, Mapping) for config in pipeline):
        raise ValueError(f"stage {name!r}: pipeline={pipeline!r} must be a list of transforms, dict(type=…) each")
    try:
        Compose(pipeline)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"stage {name!r}: pipeline={pipeline!r} cannot be built: {error}") from error
