"""Reports in words."""

from __future__ import annotations

from collections.abc import Iterator

from ..task_spec import TaskSpec
from .split import SplitReport
from .statistics import LabelStatistics

_SIZES = 3


def report_lines(report: SplitReport) -> Iterator[str]:
    """Lines that say what a split holds, then its warnings and errors."""
    yield f"{report.name}: {report.images} images, {report.opened} opened"
    if report.sizes:
        shown = [f"{height}x{width} ({count})" for (height, width), count in report.sizes.most_common(_SIZES)]
        more = f" and {len(report.sizes) - _SIZES} more" if len(report.sizes) > _SIZES else ""
        yield f"  sizes (height x width): {', '.join(shown)}{more}"
    for task, statistics in report.statistics.items():
        yield from _task_lines(report.specs[task], statistics)
    yield from (f"  warning: {line}" for line in report.warnings)
    yield from (f"  error: {line}" for line in report.errors)


def _task_lines(spec: TaskSpec, statistics: LabelStatistics) -> Iterator[str]:
    missing = f", {statistics.missing} images without" if statistics.missing else ""
    share = statistics.valid / max(statistics.pixels, 1)
    yield f"  {spec.name} ({spec.kind}): {statistics.labels} labels{missing}, {share:.1%} of the pixels valid"
    if spec.kind == "label":
        yield from _class_lines(spec, statistics)
    elif statistics.valid:
        what = "metres" if spec.kind == "depth" else "z"
        yield f"    {what} from {statistics.low:.3f} to {statistics.high:.3f}"


def _class_lines(spec: TaskSpec, statistics: LabelStatistics) -> Iterator[str]:
    counts = statistics.histogram[: len(spec.classes)]
    order = sorted(range(len(counts)), key=lambda index: -counts[index])
    present = [f"{spec.classes[k]} {counts[k] / max(statistics.valid, 1):.1%}" for k in order if counts[k]]
    absent = [spec.classes[k] for k in range(len(counts)) if not counts[k]]
    yield f"    {', '.join(present) or 'no class occurs'}"
    if absent and present:
        yield f"    do not occur: {', '.join(absent)}"
