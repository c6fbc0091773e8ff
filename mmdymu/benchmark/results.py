"""The numbers of a benchmark, from the files of its sweeps."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmdymu.evaluation.sweep import summarize_sweep

from .jobs import DRAWN, LISTED, Job
from .record import read_record
from .suite import Suite, SuiteRun
from .values import ABOUT, BenchmarkResult, MethodResult, SeedResult

__all__ = ["check_stored", "read_results", "summary_rows", "united_rows"]

CLOSE = 1e-4
"""Relative difference of losses that count as the same single-task nets'."""


def read_results(
    suite: Suite, jobs: Sequence[Job], stored: Mapping[str, BenchmarkResult] | None = None
) -> BenchmarkResult:
    """Reads what is finished.

    Args:
        suite: The suite.
        jobs: All its jobs.
        stored: Results of the same suite from elsewhere, by what notes call them: where a seed of a run is not finished
            here, theirs takes its place.

    Returns:
        The numbers; what is missing, comes from elsewhere, was run as another request, or does not fit together is
        noted.

    Raises:
        ValueError: If nothing is finished, a file is damaged, or stored results are of another benchmark.
    """
    stored = stored or {}
    methods: list[MethodResult] = []
    told: list[tuple[str, int, str]] = []
    headers: dict[str, Mapping[str, Any]] = {}
    for run in _swept(suite):
        seeds = []
        for seed in suite.seeds_of(run):
            own = [job for job in jobs if job.run == run and job.seed == seed]
            unfit = _unfit(own)
            if unfit:
                found, others = _from_elsewhere(stored, run.name, seed, own)
                told.append((run.title, seed, "; ".join([unfit, *others])))
            else:
                found = [_seed_result(run, seed, own)]
                headers[f"{run.title}, seed {seed}"] = own[0].sweep_lines(DRAWN)[0]
            seeds += found
            told += [(run.title, seed, text) for result in found for text in _unknown(result)]
        if seeds:
            methods.append(MethodResult(run.name, run.title, tuple(seeds)))
    if not methods:
        raise ValueError("no job of the suite is finished, so there is nothing to tabulate")
    notes = [*_by_seeds(told), *_unlike_anchors(suite, methods), *_unlike_sweeps(headers)]
    about = _about(suite, headers, stored)
    return BenchmarkResult(**about, methods=tuple(methods), notes=tuple(notes))


def check_stored(suite: Suite, stored: Mapping[str, BenchmarkResult]) -> None:
    """Looks whether results from elsewhere are of a suite, as far as that can be told before it has run.

    Raises:
        ValueError: If one is of another suite, or has no seed of this one.
    """
    asked = {"title": suite.title, **_listed(suite)}
    wanted = {(run.name, seed) for run in _swept(suite) for seed in suite.seeds_of(run)}
    for source, result in stored.items():
        _check_like(source, result.about, asked)
        if not wanted & {(method.name, seed.seed) for method in result.methods for seed in method.seeds}:
            raise ValueError(f"'{source}' has no seed of a run that this suite has: leave it out")


def _swept(suite: Suite) -> list[SuiteRun]:
    """The runs that have results."""
    return [run for run in suite.runs if run.swept]


def _from_elsewhere(
    stored: Mapping[str, BenchmarkResult], run: str, seed: int, jobs: Sequence[Job]
) -> tuple[list[SeedResult], list[str]]:
    """The first stored seed of a run that was asked as its jobs are, and what is to be said about it and others."""
    told: list[str] = []
    for source, result in stored.items():
        found = result.seed(run, seed)
        if found is not None and found.asked == _asked(jobs):
            return [found], [*told, f"taken from {source}"]
        if found is not None:
            told.append(f"that of {source} is left out, it was run with another config or sweep")
    return [], told


def _asked(jobs: Sequence[Job]) -> str:
    return " ".join(job.fingerprint[:16] for job in jobs)


def _listed(suite: Suite) -> dict[str, Any]:
    return {"listed": suite.preferences if suite.has_static_nets else ()}


def _about(
    suite: Suite, headers: Mapping[str, Mapping[str, Any]], stored: Mapping[str, BenchmarkResult]
) -> dict[str, Any]:
    """What all sweeps have in common.

    Raises:
        ValueError: If stored results are of something else, so that they cannot stand in one table.
    """
    own: dict[str, Any] = {"title": suite.title, **_listed(suite)}
    if headers:
        first = next(iter(headers.values()))
        tasks, references = tuple(first["tasks"]), tuple(first["references"])
        own |= {"tasks": tasks, "references": references, "images": first["images"]}
    drawn = [header["preferences"] for header in headers.values() if not header.get("given_preferences")]
    # Where static nets alone are finished, nothing says how many preferences are drawn.
    drawn += [result.preferences for result in stored.values() if result.preferences]
    own["preferences"] = drawn[0] if drawn else 0
    for source, result in stored.items():
        own = {**result.about, **own}
        _check_like(source, result.about, own)
    return own


def _check_like(source: str, other: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Refuses results that cannot stand in one table with others."""
    for name, value in own.items():
        if other[name] != value and (name, other[name]) != ("preferences", 0):
            raise ValueError(
                f"'{source}' is of another benchmark: its {ABOUT[name]} {other[name]!r}, here {value!r}: leave it out"
            )


def summary_rows(summary: Mapping[str, Any]) -> list[dict[str, float]]:
    """The measures of a sweep's summary, one row a cost weight.

    Args:
        summary: Of :func:`summarize_sweep`.

    Returns:
        ``cost_weight``, ``share``, ``flops`` (multiply-adds), ``params``, ``uniformity``, ``rL`` as tested,
        ``delta_m`` (per cent), ``hypervolume_<reference>``, ``loss_<task>``, each task's main metric by its name
        (``task/metric``); and, if trees were compared, ``rL_controller``, ``rL_heuristic``, ``rL_search``,
        ``rL_oracle`` at equal share. NaN where not known.
    """
    rows = []
    for entry in summary["by_cost_weight"]:
        row = {
            "cost_weight": entry["cost_weight"],
            "share": entry["mean_share"],
            "flops": entry["mean_flops"],
            "params": entry["mean_params"],
            "uniformity": entry["uniformity"],
            "rL": entry["weighted_loss"],
            "delta_m": entry["delta_m"],
            **{f"hypervolume_{float(point):g}": value for point, value in entry["hypervolume"].items()},
            **{f"loss_{task}": value for task, value in entry["losses"].items()},
            **entry["metrics"],
        }
        # The controller's own tree alone is no comparison, and hypernets that make all weights have no plain norms.
        if len(entry["brackets"]) > 1:
            row |= {f"rL_{choice}": value for choice, value in entry["brackets"].items()}
        rows.append({name: math.nan if value is None else float(value) for name, value in row.items()})
    return rows


def united_rows(parts: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, float]]:
    """The measures of several nets that are one method together: each was tested at preferences of its own.

    Args:
        parts: Lines of the nets' sweeps, the header first.

    Returns:
        As :func:`summary_rows`.

    Raises:
        ValueError: If their losses are divided by different single-task nets'.
    """
    header = {**parts[0][0], "preferences": sum(lines[0]["preferences"] for lines in parts)}
    if not _have_one_scale(parts):
        raise ValueError("nets of one method have their losses divided by different single-task nets'")
    runs = [line for lines in parts for line in lines if line["kind"] == "run"]
    runs = [{**line, "index": index} for index, line in enumerate(runs)]
    return summary_rows(summarize_sweep(header, _single(parts[0]), runs, []))


def _swept_rows(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """The measures of one sweep, from its lines: an older summary may lack some."""
    runs, brackets = ([line for line in lines if line["kind"] == kind] for kind in ("run", "bracket"))
    return summary_rows(summarize_sweep(lines[0], _single(lines), runs, brackets))


def _unfit(jobs: Sequence[Job]) -> str:
    """Why the results of one seed cannot be tabulated; '' if they can."""
    records = [(job, read_record(job.folder)) for job in jobs]
    if any(record.changed(job.digests) for job, record in records):
        return "left out, it was run with another config or sweep"
    if any(not {*job.steps} <= {*record.done} for job, record in records):
        return "not finished here"
    if not _have_one_scale([job.sweep_lines(DRAWN) for job in jobs]):
        return "left out, its nets have their losses divided by different single-task nets'"
    return ""


def _unknown(seed: SeedResult) -> list[str]:
    """Measures that a seed should have and has not, such as losses that are not finite."""
    return [
        f"{', '.join(names)} at c = {row['cost_weight']:g} not known, so it counts for nothing"
        for rows in seed.rows.values()
        for row in rows
        if (names := [name for name, value in row.items() if not math.isfinite(value)])
    ]


def _by_seeds(told: Sequence[tuple[str, int, str]]) -> list[str]:
    """Notes of (method, seed, text), those that differ in the seed alone as one."""
    seeds: dict[tuple[str, str], list[int]] = {}
    for method, seed, text in told:
        seeds.setdefault((method, text), []).append(seed)
    return [
        f"{method}, {'seeds' if len(numbers) > 1 else 'seed'} {', '.join(map(str, numbers))}: {text}"
        for (method, text), numbers in seeds.items()
    ]


def _unlike_sweeps(headers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Seeds of methods that were swept otherwise than the first, as a run's own sweep settings allow."""
    drawn = {name: header for name, header in headers.items() if not header.get("given_preferences")}
    notes = []
    for group, keys in ((headers, ("images", "references")), (drawn, ("preferences", "seed"))):
        for name, header in group.items():
            first = next(iter(group.values()))
            notes += [f"{name}: swept with {k} = {header[k]}, not {first[k]}" for k in keys if header[k] != first[k]]
    return notes


def _seed_result(run: SuiteRun, seed: int, jobs: Sequence[Job]) -> SeedResult:
    first = jobs[0]
    drawn = [job.sweep_lines(DRAWN) for job in jobs]
    if run.preference_option:
        rows = {LISTED: united_rows(drawn)}
    else:
        others = {sweep: first.sweep_lines(sweep) for sweep in first.sweeps if sweep != DRAWN}
        rows = {sweep: _swept_rows(lines) for sweep, lines in {DRAWN: drawn[0], **others}.items()}
    return SeedResult(
        seed,
        rows,
        control_params=_control_params(first),
        train_seconds=_train_seconds(jobs),
        single=tuple(_single(drawn[0])["losses"]),
        asked=_asked(jobs),
    )


def _train_seconds(jobs: Sequence[Job]) -> float:
    """Of some jobs and of those on whose checkpoints or trees they build, each once."""
    needed: dict[Path, Job] = {}
    left = list(jobs)
    while left:
        job = left.pop()
        if job.run.trains:
            needed[job.folder] = job
        left += [*([job.start] if job.start else []), *([job.controller] if job.controller else [])]
    seconds = [read_record(folder).train_seconds for folder in needed]
    return math.fsum(math.nan if value is None else value for value in seconds)


def _unlike_anchors(suite: Suite, methods: Sequence[MethodResult]) -> list[str]:
    """Methods whose losses were divided by other single-task nets' than those that the reference has now."""
    by_name = {method.name: {seed.seed: seed.single for seed in method.seeds} for method in methods}
    reference, notes = by_name.get(suite.reference, {}), []
    for method in methods:
        for seed, losses in by_name[method.name].items():
            if seed in reference and not _are_close(losses, reference[seed]):
                notes.append(f"{method.title}, seed {seed}: its losses are divided by other single-task nets'")
    return notes


def _are_close(first: Sequence[float | None], second: Sequence[float | None]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=CLOSE)) for a, b in pairs)


def _control_params(job: Job) -> float:
    summary = json.loads((job.folder / DRAWN / "summary.json").read_text(encoding="utf-8"))
    return float(summary["controller"]["params"])


def _have_one_scale(parts: Sequence[Sequence[Mapping[str, Any]]]) -> bool:
    """Whether the losses of all sweeps are divided by the same single-task nets'."""
    scale = _single(parts[0])["losses"]
    return all(_single(lines)["losses"] == scale for lines in parts)


def _single(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next(line for line in lines if line["kind"] == "single")
