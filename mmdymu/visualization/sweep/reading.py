"""Reads and checks a sweep's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmdymu.evaluation.sweep.sweep_file import FORMAT, FREE

from .fields import Fields
from .record import Bracket, Run, SingleTask, SweepHeader, SweepRecord
from .summary import SweepSummary, parse_summary

__all__ = ["read_sweep"]


def read_sweep(folder: str | Path) -> SweepRecord:
    """Read and check the folder that ``tools/sweep.py`` wrote.

    Args:
        folder: It has sweep.jsonl and summary.json.

    Returns:
        The finished sweep.

    Raises:
        FileNotFoundError: If the folder or a file is missing.
        ValueError: If the sweep is unfinished, of another format, or broken; the message names file and line.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"sweep folder '{folder}' does not exist: give the --out of tools/sweep.py")
    if not (folder / "sweep.jsonl").is_file():
        raise FileNotFoundError(f"'{folder}' has no sweep.jsonl: give the --out of tools/sweep.py")
    lines = _read_lines(folder / "sweep.jsonl")
    header = _header(lines)
    num_tasks = len(header.tasks)
    single = [_single(line, num_tasks) for line in lines if line.get("kind") == "single"]
    runs = [_run(line, num_tasks) for line in lines if line.get("kind") == "run"]
    _check_finished(folder, header, len(single), [run.index for run in runs])
    brackets = [_bracket(line, num_tasks) for line in lines if line.get("kind") == "bracket"]
    unknown = {bracket.index for bracket in brackets} - {run.index for run in runs}
    if unknown:
        raise ValueError(f"{folder / 'sweep.jsonl'}: brackets of runs that are not there: {sorted(unknown)[:5]}")
    return SweepRecord(header, single[0], tuple(runs), tuple(brackets), _summary(folder, header, lines[0].data))


def _read_lines(path: Path) -> list[Fields]:
    texts = path.read_text(encoding="utf-8").splitlines()
    lines = []
    for number, text in enumerate(texts, start=1):
        where = f"{path}, line {number}"
        try:
            line = Fields(json.loads(text), where)
        except json.JSONDecodeError as error:
            # Sweeps write line after line: only the last one can be cut off.
            remedy = "continue the sweep" if number == len(texts) else "the file is damaged, sweep into a new folder"
            raise ValueError(f"{where} is no JSON ({error.msg}): {remedy}") from error
        if line.get("kind") not in ("header", "single", "run", "bracket"):
            raise ValueError(f"{where}: unknown kind {line.get('kind')!r}; this version knows format {FORMAT}")
        lines.append(line)
    return lines


def _header(lines: Sequence[Fields]) -> SweepHeader:
    headers = [line for line in lines if line.get("kind") == "header"]
    if len(headers) != 1 or lines[0] is not headers[0]:
        raise ValueError(f"a sweep begins with its one header, got {len(headers)} headers: start it in a new folder")
    line = headers[0]
    if line.get("format") != FORMAT:
        raise ValueError(
            f"{line.where}: format {line.get('format')!r} is not the format {FORMAT} that this version reads: "
            "make the report with the version of mmdymu that made the sweep"
        )
    if line.has("budgets"):
        raise ValueError(
            f"{line.where}: a sweep over budgets has no figures and no page, which are drawn over cost weights: its "
            "numbers are in summary.json"
        )
    tasks = line.texts("tasks")
    if len(tasks) < 1 or len(set(tasks)) != len(tasks):
        raise ValueError(f"{line.where}: 'tasks' must be different names, got {list(tasks)}")
    return SweepHeader(
        config=line.text("config") if line.has("config") else "",
        checkpoint=line.text("checkpoint") if line.has("checkpoint") else "",
        weights_sha256=line.text("weights_sha256"),
        tasks=tasks,
        preferences=line.integer("preferences"),
        cost_weights=line.numbers("cost_weights"),
        seed=line.integer("seed"),
        norm_statistics=line.text("norm_statistics"),
        images=line.integer("images"),
        references=line.numbers("references"),
        image_size=line.numbers("image_size", 2),
        version=line.text("version"),
        listed=line.has("given_preferences"),
        single_from=line.text("single_from") if line.has("single_from") else "",
    )


def _single(line: Fields, num_tasks: int) -> SingleTask:
    return SingleTask(
        losses=line.numbers("losses", num_tasks),
        metrics=line.numbers_by_name("metrics") if line.has("metrics") else {},
        flops=line.optional("flops"),
        params=line.optional("params"),
        nodes_used=line.optional("nodes_used"),
    )


def _run(line: Fields, num_tasks: int) -> Run:
    return Run(
        index=line.integer("index"),
        weights=line.numbers("weights", num_tasks),
        cost_weight=line.number("cost_weight"),
        tree=line.tree("parents", num_tasks),
        flops=line.optional("flops"),
        params=line.optional("params"),
        share=line.optional("share"),
        nodes_used=line.optional("nodes_used"),
        losses=line.numbers("losses", num_tasks),
        metrics=line.numbers_by_name("metrics") if line.has("metrics") else {},
        delta_m=line.optional("delta_m"),
    )


def _bracket(line: Fields, num_tasks: int) -> Bracket:
    return Bracket(
        line.integer("index"), line.text("choice"), line.optional("share"), line.numbers("losses", num_tasks)
    )


def _check_finished(folder: Path, header: SweepHeader, singles: int, indices: Sequence[int]) -> None:
    wanted = header.preferences * len(header.cost_weights)
    if len(set(indices)) != len(indices):
        raise ValueError(f"{folder / 'sweep.jsonl'}: {len(indices)} runs have {len(set(indices))} different indices")
    if singles != 1:
        raise ValueError(f"'{folder}' has {singles} lines of single-task nets instead of 1: {_remedy(folder, header)}")
    missing = "" if (folder / "summary.json").is_file() else ", no summary.json"
    if len(indices) != wanted or missing:
        found = f"{len(indices)} of {wanted} runs{missing}"
        raise ValueError(f"the sweep in '{folder}' is unfinished ({found}): {_remedy(folder, header)}")


def _remedy(folder: Path, header: SweepHeader) -> str:
    config, checkpoint = header.config or "CONFIG", header.checkpoint or "CHECKPOINT"
    return f"continue it with: python tools/sweep.py {config} {checkpoint} --out {folder}, and its other options"


def _summary(folder: Path, header: SweepHeader, written: Mapping[str, Any]) -> SweepSummary:
    path = folder / "summary.json"
    try:
        fields = Fields(json.loads(path.read_text(encoding="utf-8")), str(path))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}, line {error.lineno} is no JSON ({error.msg}): delete the file and {_remedy(folder, header)}"
        ) from error
    own, swept = (
        {key: value for key, value in data.items() if key not in ("kind", *FREE)}
        for data in (fields.child("header").data, written)
    )
    if own != swept:
        raise ValueError(f"{path} is of another sweep than sweep.jsonl: delete it and {_remedy(folder, header)}")
    return parse_summary(fields, len(header.tasks))
