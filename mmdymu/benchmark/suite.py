"""A benchmark's suite: which configs are trained, on which seeds, and how they are swept."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmdymu.evaluation.sweep import SweepSettings

__all__ = ["CHECKPOINT", "Suite", "SuiteRun", "read_suite"]

CHECKPOINT = re.compile(r"\{checkpoint:([\w.-]+)\}")
"""Stands in an option for the checkpoint of another run of the same seed."""

_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")


@dataclass(frozen=True)
class SuiteRun:
    """One config of a suite.

    Attributes:
        name: Its folder's name.
        config: The config file.
        label: What tables call it; '' takes the name.
        cfg_options: Settings over those of the config, by dotted key. ``{checkpoint:NAME}`` in a text stands for the
            checkpoint of another run of the same seed.
        seeds: Of the run; empty takes the suite's.
        load_from: Another run, on whose checkpoint of the same seed the training begins; its training time is added.
        after: Other runs that must be finished before.
        preference_option: Of a static net: the dotted key that takes the preference. There is one training for each
            of the suite's preferences, and together they are one method.
        tree_of: Another run, with a controller: the best of its trees for equal tasks that costs no more FLOPs than
            the nets of ``flops_of`` is what this run trains, as ``model.edge_hypernet.tree``.
        flops_of: A run of static nets, such as a searched one.
        trains: False sweeps the checkpoint of ``load_from`` itself under this run's config and options.
        swept: False trains alone, for other runs to begin on; it is in no table.
        sweep: Settings over the suite's, such as ``cost_weights=(0.0,)`` for a net without cost control.
    """

    name: str
    config: Path
    label: str = ""
    cfg_options: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    load_from: str | None = None
    after: tuple[str, ...] = ()
    preference_option: str | None = None
    tree_of: str | None = None
    flops_of: str | None = None
    trains: bool = True
    swept: bool = True
    sweep: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What tables call it."""
        return self.label or self.name

    @cached_property
    def placeless_config(self) -> Config:
        """The config as its file has it, with the names of environment variables in place of their values."""
        return Config.fromfile(self.config, use_environment_variables=False)

    @property
    def needs(self) -> tuple[str, ...]:
        """Other runs whose checkpoint or result is used, in the order in which they are named."""
        named = [name for value in _texts(self.cfg_options) for name in CHECKPOINT.findall(value)]
        single = [name for name in (self.load_from, self.tree_of, self.flops_of) if name]
        return tuple(dict.fromkeys([*single, *self.after, *named]))


@dataclass(frozen=True)
class Suite:
    """What a benchmark runs.

    Attributes:
        title: Heading of the tables.
        runs: In the order of the suite's file.
        reference: The run of the single-task nets, by whose losses all others' are divided; it is swept before them.
        seeds: Every run is trained with each.
        preferences: Those of the static nets; every other run is also swept at exactly these, if there are static nets.
        sweep: Settings of all sweeps, as of :class:`SweepSettings`.
    """

    title: str
    runs: tuple[SuiteRun, ...]
    reference: str
    seeds: tuple[int, ...] = (0,)
    preferences: tuple[tuple[float, ...], ...] = ()
    sweep: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_static_nets(self) -> bool:
        """Whether a run trains one net a preference."""
        return any(run.preference_option for run in self.runs)

    def run(self, name: str) -> SuiteRun:
        """The run of a name."""
        return next(run for run in self.runs if run.name == name)

    def seeds_of(self, run: SuiteRun) -> tuple[int, ...]:
        """The run's own seeds, else the suite's."""
        return run.seeds or self.seeds


def read_suite(path: str | Path, options: Mapping[str, Any] | None = None) -> Suite:
    """Reads a suite's file.

    Args:
        path: A Python config with a dictionary ``benchmark``; see :class:`Suite`, its ``runs`` by name and a
            ``cfg_options`` for all runs. Configs are looked for beside the suite's file.
        options: Settings over those of the file, by dotted key (``benchmark.seeds``).

    Returns:
        The suite, its runs such that each comes behind those that it needs.

    Raises:
        FileNotFoundError: If the suite or a config does not exist.
        ValueError: If a setting is missing, unknown or wrong; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"suite '{path}' does not exist")
    wrong = [name for name in options or {} if name.partition(".")[0] != "benchmark"]
    if wrong:
        raise ValueError(f"a suite has no setting {wrong[0]!r}: all begin with 'benchmark.'")
    config = Config.fromfile(path)
    config.merge_from_dict(dict(options or {}))
    if not isinstance(config.get("benchmark"), Mapping):
        raise ValueError(f"suite '{path}' has no dictionary 'benchmark' with title, reference and runs")
    given = config.benchmark.to_dict()
    common = _options(given.pop("cfg_options", {}), "benchmark.cfg_options")
    _check_keys(given, Suite, "benchmark")
    if not isinstance(given.get("runs"), Mapping) or not given["runs"]:
        raise ValueError(f"benchmark.runs must be a dictionary of runs by name, got {given.get('runs')!r}")
    runs = [_run(name, entry, common, path.parent) for name, entry in given["runs"].items() if entry is not None]
    suite = Suite(
        title=given.get("title") or path.stem,
        runs=tuple(runs),
        reference=given.get("reference", ""),
        seeds=_seeds(given.get("seeds", (0,)), "benchmark.seeds"),
        preferences=_preferences(given.get("preferences", ())),
        sweep=_options(given.get("sweep", {}), "benchmark.sweep"),
    )
    _check(suite)
    return _in_order(suite)


def _run(name: str, entry: Any, common: Mapping[str, Any], folder: Path) -> SuiteRun:
    where = f"benchmark.runs.{name}"
    if not _NAME.fullmatch(name):
        raise ValueError(f"{where}: a name may have letters, digits, '_', '-' and '.', it is a folder's name")
    if not isinstance(entry, Mapping) or "config" not in entry:
        raise ValueError(f"{where} must be a dictionary with at least a config, got {entry!r}")
    given = dict(entry)
    _check_keys(given, SuiteRun, where, leave_out=("name",))
    if not isinstance(given["config"], str | Path):
        raise ValueError(f"{where}.config must be a file's path, got {given['config']!r}")
    config = Path(folder, given.pop("config"))
    if not config.is_file():
        raise FileNotFoundError(f"{where}.config: '{config}' does not exist (it is looked for beside the suite's file)")
    after = given.pop("after", ())
    return SuiteRun(
        name=name,
        config=config,
        cfg_options={**common, **_options(given.pop("cfg_options", {}), f"{where}.cfg_options")},
        seeds=_seeds(given.pop("seeds"), f"{where}.seeds") if "seeds" in given else (),
        after=(after,) if isinstance(after, str) else tuple(after),
        sweep=_options(given.pop("sweep", {}), f"{where}.sweep"),
        **given,
    )


def _options(given: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ValueError(f"{where} must be a dictionary of settings, got {given!r}")
    return given


def _check(suite: Suite) -> None:
    names = [run.name for run in suite.runs]
    if suite.reference not in names:
        raise ValueError(f"benchmark.reference={suite.reference!r} must be one of the runs {names}")
    for run in suite.runs:
        where = f"benchmark.runs.{run.name}"
        _check_needs(suite, run, where)
        _check_sweep({**suite.sweep, **run.sweep}, where)
        _check_parts(suite, run, where)
        if run.preference_option and not suite.preferences:
            raise ValueError(f"{where}.preference_option needs benchmark.preferences, one training for each")
    _check_preferences(suite)
    reference = suite.run(suite.reference)
    if reference.needs or reference.preference_option or not reference.swept:
        raise ValueError(f"benchmark.reference={reference.name!r} must need no other run, no preference, and be swept")


def _check_parts(suite: Suite, run: SuiteRun, where: str) -> None:
    """Whether what a run does, and leaves out, fits together."""
    for name in ("trains", "swept"):
        if not isinstance(getattr(run, name), bool):
            raise ValueError(f"{where}.{name} must be True or False, got {getattr(run, name)!r}")
    if not run.trains and (run.load_from is None or run.preference_option):
        raise ValueError(f"{where}.trains=False needs load_from, whose checkpoint is swept, and no preference_option")
    if not run.swept and (not run.trains or run.preference_option):
        raise ValueError(f"{where}.swept=False is for a run that trains, and has no preference_option: leave one out")
    if not run.swept and run.sweep:
        raise ValueError(f"{where} has swept=False and sweep={dict(run.sweep)!r}: leave one out")
    if bool(run.tree_of) != bool(run.flops_of) or (run.tree_of and not run.trains):
        raise ValueError(f"{where}: tree_of and flops_of go together, for a run that trains")
    if run.flops_of and not suite.run(run.flops_of).swept:
        raise ValueError(f"{where}.flops_of={run.flops_of!r} is not swept, so its FLOPs are not known")


def _check_sweep(settings: Mapping[str, Any], where: str) -> None:
    if SweepSettings.from_config(settings).budgets:
        raise ValueError(f"{where}: sweep.budgets={settings['budgets']!r}, but tables compare cost weights alone")


def _check_preferences(suite: Suite) -> None:
    units = [tuple(round(weight / math.fsum(row), 9) for weight in row) for row in suite.preferences]
    if len(set(units)) < len(units):
        raise ValueError(f"benchmark.preferences={[*suite.preferences]}: two of them ask for the same")
    tasks = Config.fromfile(suite.run(suite.reference).config).get("model", {}).get("tasks")
    if tasks and suite.preferences and len(tasks) != len(suite.preferences[0]):
        raise ValueError(
            f"benchmark.preferences have {len(suite.preferences[0])} weights, but {suite.reference!r} has the tasks "
            f"{list(tasks)}"
        )


def _check_needs(suite: Suite, run: SuiteRun, where: str) -> None:
    names = [other.name for other in suite.runs]
    for name in (*run.needs, suite.reference):
        if name not in names:
            raise ValueError(f"{where} needs the run {name!r}, but the runs are {names}")
        if suite.run(name).preference_option and name in run.needs:
            raise ValueError(f"{where} needs the run {name!r}, which has a net for every preference: which one?")
        missing = sorted(set(suite.seeds_of(run)) - set(suite.seeds_of(suite.run(name))))
        if missing:
            raise ValueError(f"{where} has the seeds {missing}, which {name!r} does not have: add them there")


def _in_order(suite: Suite) -> Suite:
    graph = {
        run.name: run.needs if run.name == suite.reference else (suite.reference, *run.needs) for run in suite.runs
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ValueError(f"benchmark.runs need each other in a circle: {' → '.join(error.args[1])}") from error
    ordered: list[SuiteRun] = []
    left = list(suite.runs)
    while left:
        done = {run.name for run in ordered}
        ready = next(run for run in left if set(graph[run.name]) <= done)
        left.remove(ready)
        ordered.append(ready)
    return replace(suite, runs=tuple(ordered))


def _check_keys(given: Mapping[str, Any], kind: type, where: str, leave_out: Sequence[str] = ()) -> None:
    known = [entry.name for entry in fields(kind) if entry.name not in leave_out]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ValueError(f"{where} has no setting {unknown[0]!r}, only {known}")


def _seeds(values: Any, where: str) -> tuple[int, ...]:
    seeds = tuple(values) if isinstance(values, list | tuple | range) else (values,)
    fit = all(isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0 for seed in seeds)
    if not seeds or not fit or len(set(seeds)) < len(seeds):
        raise ValueError(f"{where}={values!r} must be different whole numbers, at least 0")
    return seeds


def _preferences(values: Any) -> tuple[tuple[float, ...], ...]:
    return SweepSettings(preferences=values).given_preferences or () if values else ()


def _texts(value: Any) -> list[str]:
    """All texts in nested dictionaries and lists."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    return [text for item in value for text in _texts(item)] if isinstance(value, list | tuple) else []
