"""All images of a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ..base import BaseMultiTaskDataset
from ..caching import map_parallel
from ..task_spec import TaskSpec
from .frame import FrameReport, check_frame
from .statistics import LabelStatistics


@dataclass
class SplitReport:
    """What was found about a split.

    Attributes:
        name: 'train', 'val' or 'test'.
        specs: The tasks.
        images: Number of entries.
        opened: Number of those that were opened.
        paths: Files of the images that are there.
        labels: (task, file or annotation of a label) to the image's file.
        sizes: (height, width) to number of opened images.
        statistics: By task.
        errors: One line each.
        warnings: One line each.
    """

    name: str
    specs: dict[str, TaskSpec] = field(default_factory=dict)
    images: int = 0
    opened: int = 0
    paths: frozenset[str] = frozenset()
    labels: dict[tuple[str, str], str] = field(default_factory=dict)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    statistics: dict[str, LabelStatistics] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check_split(
    name: str, dataset: BaseMultiTaskDataset, samples: int | None = None, num_workers: int | None = None
) -> SplitReport:
    """Looks for every file of a split and opens some or all.

    Args:
        name: Name of the split.
        dataset: Built with ``lazy_init=True``.
        samples: How many images, evenly spaced, are opened; None opens all.
        num_workers: Processes; 0 works in this one; None: one for each usable core.
    """
    report = SplitReport(name, dict(dataset.task_specs))
    try:
        dataset.check_folders()
        entries = dataset.entries()
    except (FileNotFoundError, ValueError) as error:
        report.errors.append(str(error))
        return report
    report.images = len(entries)
    chosen = set(evenly_spaced(len(entries), samples))
    work = [(entry, index in chosen) for index, entry in enumerate(entries)]
    frames = map_parallel(partial(check_frame, dataset), work, num_workers)
    _collect(report, frames)
    report.errors += _repeated(frames)
    return report


def evenly_spaced(length: int, count: int | None) -> list[int]:
    """So many of the numbers below ``length``; None or more than there are: all."""
    number = length if count is None else min(count, length)
    return np.linspace(0, length - 1, number).round().astype(int).tolist()


def _collect(report: SplitReport, frames: Sequence[FrameReport]) -> None:
    report.paths = frozenset(frame.path for frame in frames if frame.path)
    report.labels = {(task, label): frame.path for frame in frames for task, label in frame.labels.items()}
    report.statistics = {task: LabelStatistics() for task in report.specs}
    for frame in frames:
        report.errors += frame.problems
        if frame.size is not None:
            report.opened += 1
            report.sizes[frame.size] += 1
        for task, statistics in frame.statistics.items():
            report.statistics[task].add(statistics)
    for task, statistics in report.statistics.items():
        if statistics.labels and not statistics.valid:
            report.warnings.append(f"no opened label of task '{task}' has a valid pixel")
        if statistics.missing and not statistics.labels and statistics.missing == report.images:
            report.warnings.append(f"no image has a label of task '{task}': is its folder right?")
    resized = [name for frame in frames for name in frame.resized]
    if resized:
        report.warnings.append(f"{len(resized)} labels have another size than their images, the first is {resized[0]}")


def _repeated(frames: Sequence[FrameReport]) -> list[str]:
    counts = Counter(frame.path for frame in frames if frame.path)
    return [f"image '{path}' is listed {count} times" for path, count in counts.items() if count > 1]
