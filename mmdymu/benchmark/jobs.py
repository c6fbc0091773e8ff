"""The jobs of a suite: a training, sweeps, or both, for one seed and, of static nets, one preference."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config

from .suite import CHECKPOINT, Suite, SuiteRun

__all__ = ["DRAWN", "LISTED", "TRAIN", "TREE", "Job", "suite_jobs"]

TREE = "tree"
"""The step that asks another job's controller for the tree that is trained, and the folder of the answer."""

TRAIN = "train"
"""The step that trains, and the folder of the training."""

DRAWN, LISTED = "sweep", "sweep_listed"
"""Folders of a job's sweeps: at drawn preferences, and at those of the static nets. A static net's own is the first."""


@dataclass(frozen=True)
class Job:
    """One training, its sweeps, or both; sweeps alone are of another job's checkpoint.

    Attributes:
        run: Of the suite.
        seed: Of the training.
        number: Of a static net, its preference's number; None for other runs.
        suite: Tells preferences and settings of the sweeps.
        folder: Where everything is written.
        needs: Jobs that must be finished before, by the run's name; the reference among them.
    """

    run: SuiteRun
    seed: int
    number: int | None
    suite: Suite
    folder: Path
    needs: Mapping[str, Job]

    @property
    def name(self) -> str:
        """How the job is called in progress lines and failures."""
        preference = "" if self.number is None else f", preference {self._weights}"
        return f"{self.run.name}, seed {self.seed}{preference}"

    @property
    def work_dir(self) -> Path:
        """The training's."""
        return self.folder / TRAIN

    @property
    def tree_file(self) -> Path:
        """Where the tree that is trained is written, as ``tools/tree.py`` does."""
        return self.folder / TREE / "tree.json"

    @property
    def _weights(self) -> list[float]:
        assert self.number is not None
        return list(self.suite.preferences[self.number])

    @cached_property
    def options(self) -> dict[str, Any]:
        """Settings over those of the config; checkpoints of other runs are still named by ``{checkpoint:NAME}``."""
        options = {**self.run.cfg_options, "randomness.seed": self.seed}
        if self.run.load_from:
            options["load_from"] = f"{{checkpoint:{self.run.load_from}}}"
        if self.run.preference_option:
            options[self.run.preference_option] = self._weights
        return options

    @cached_property
    def sweeps(self) -> dict[str, dict[str, Any]]:
        """Settings by the folder of every sweep; ``single`` is left to the start."""
        if not self.run.swept:
            return {}
        settings = {**self.suite.sweep, **self.run.sweep}
        if self.number is not None:
            return {DRAWN: {**settings, "preferences": [self._weights], "oracle_images": 0}}
        listed = {**settings, "preferences": [list(row) for row in self.suite.preferences], "oracle_images": 0}
        return {DRAWN: settings, **({LISTED: listed} if self.suite.has_static_nets else {})}

    @property
    def steps(self) -> tuple[str, ...]:
        """``tree`` where one is asked for, ``train``, unless another job's checkpoint is swept, and sweeps, if any."""
        return (*([TREE] if self.run.tree_of else []), *([TRAIN] if self.run.trains else []), *self.sweeps)

    @property
    def start(self) -> Job | None:
        """The job on whose checkpoint this one begins."""
        return self.needs[self.run.load_from] if self.run.load_from else None

    @property
    def controller(self) -> Job | None:
        """The job whose tree this one trains."""
        return self.needs[self.run.tree_of] if self.run.tree_of else None

    @cached_property
    def _config(self) -> Config:
        """The config's file, read once: what is edited while jobs run counts for the next start."""
        return Config.fromfile(self.run.config)

    @cached_property
    def digests(self) -> dict[str, str]:
        """What was asked, by step: ``train``, also where it is another job's, with its tree, and the sweeps."""
        before = {name: self.needs[name].digests["train"] for name in self.run.needs}
        untrained = [] if self.run.trains else ["nothing is trained"]
        tree = [self.run.tree_of, self.run.flops_of] if self.run.tree_of else []
        train = _digest([self._merged(self.options).to_dict(), before, *untrained, *tree])
        single = self.reference.digests[TRAIN] if self.reference else None
        sweeps = {name: _digest([train, settings, single]) for name, settings in self.sweeps.items()}
        return {TRAIN: train, **sweeps}

    @cached_property
    def fingerprint(self) -> str:
        """What was asked, the same on every machine: wherever data and pretrained weights lie."""
        config = copy.deepcopy(self.run.placeless_config)
        config.merge_from_dict(self.options)
        before = {name: need.fingerprint for name, need in self.needs.items()}
        return _digest([config.to_dict(), before, self.steps, self.sweeps, self.run.tree_of, self.run.flops_of])

    @property
    def reference(self) -> Job | None:
        """The job by whose single-task nets' losses this one's are divided; None for itself."""
        return self.needs.get(self.suite.reference)

    def sweep_lines(self, sweep: str) -> list[dict[str, Any]]:
        """A finished sweep's lines, the header first, as ``sweep.jsonl`` has them."""
        text = (self.folder / sweep / "sweep.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def train_config(self, checkpoints: Mapping[str, str]) -> Config:
        """The training's config.

        Args:
            checkpoints: Those of the runs that are needed, by name.
        """
        options = {key: _filled(value, checkpoints) for key, value in self.options.items()}
        if self.run.tree_of:
            options["model.edge_hypernet.tree"] = json.loads(self.tree_file.read_text(encoding="utf-8"))["parents"]
        return self._merged(options)

    def sweep_config(self, sweep: str, checkpoints: Mapping[str, str], single: Path | None) -> Config:
        """A sweep's config.

        Args:
            sweep: Which.
            checkpoints: As in :meth:`train_config`.
            single: The reference's sweep, where losses are divided by those of its single-task nets.
        """
        config = self.train_config(checkpoints)
        config.sweep = {**config.get("sweep", {}), **self.sweeps[sweep], "single": single and str(single)}
        return config

    def _merged(self, options: Mapping[str, Any]) -> Config:
        config = copy.deepcopy(self._config)
        config.merge_from_dict(dict(options))
        return config


def suite_jobs(suite: Suite, folder: Path) -> list[Job]:
    """All jobs of a suite, each behind those that it needs.

    Args:
        suite: The suite, its runs in order.
        folder: Everything is written below it: ``RUN/seedS``, and ``RUN/seedS/preferenceK`` of static nets.
    """
    jobs: list[Job] = []
    single: dict[tuple[str, int], Job] = {}
    for run in suite.runs:
        for seed in suite.seeds_of(run):
            names = run.needs if run.name == suite.reference else (suite.reference, *run.needs)
            needs = {name: single[name, seed] for name in names}
            base = folder / run.name / f"seed{seed}"
            if run.preference_option is None:
                single[run.name, seed] = Job(run, seed, None, suite, base, needs)
                jobs.append(single[run.name, seed])
            else:
                numbers = range(len(suite.preferences))
                jobs += [Job(run, seed, k, suite, base / f"preference{k}", needs) for k in numbers]
    return jobs


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _filled(value: Any, checkpoints: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return CHECKPOINT.sub(lambda match: checkpoints[match[1]], value)
    if isinstance(value, Mapping):
        return {key: _filled(item, checkpoints) for key, item in value.items()}
    return [_filled(item, checkpoints) for item in value] if isinstance(value, list | tuple) else value
