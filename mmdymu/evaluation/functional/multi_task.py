"""Gain over single-task networks, over metrics of unlike units."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Literal

__all__ = ["DeltaAverage", "multi_task_delta", "multi_task_gains"]

DeltaAverage = Literal["task", "metric"]


def multi_task_delta(
    scores: Mapping[str, float],
    baselines: Mapping[str, float],
    higher_is_better: Mapping[str, bool],
    average: DeltaAverage = "task",
) -> float:
    """Mean gain over the baselines, Δm (Maninis et al., CVPR 2019, whose "average drop" is its negative).

    Args:
        scores: By metric, ``task/metric``; metrics without a baseline do not count.
        baselines: By metric, the score of the single-task network on the same backbone, > 0.
        higher_is_better: By metric of ``baselines``, which way is better.
        average: ``'task'``: mean over tasks of the mean over a task's metrics. ``'metric'``: mean over all metrics.
            They are equal where every task has the same number of metrics.

    Returns:
        Per cent, above 0 where the scores are better; NaN if a score is.

    Raises:
        KeyError: If a metric of ``baselines`` lacks a score or a direction.
        ValueError: If there is no baseline, one is not a finite number above 0, or ``average`` is unknown.
    """
    if average not in ("task", "metric"):
        raise ValueError(f"average={average!r} of multi_task_delta: allowed are 'task' and 'metric'")
    gains = multi_task_gains(scores, baselines, higher_is_better)
    if average == "metric":
        return fmean(gains.values())
    by_task = defaultdict(list)
    for name, gain in gains.items():
        by_task[name.rpartition("/")[0]].append(gain)
    return fmean(fmean(values) for values in by_task.values())


def multi_task_gains(
    scores: Mapping[str, float], baselines: Mapping[str, float], higher_is_better: Mapping[str, bool]
) -> dict[str, float]:
    """Gain of each metric over its baseline, per cent, in the order of ``baselines``.

    Arguments and errors: :func:`multi_task_delta`.
    """
    if not baselines:
        raise ValueError("baselines of multi_task_delta are empty: give at least one {metric: score}")
    gains = {}
    for name, baseline in baselines.items():
        _check_has(scores, name, "score")
        _check_has(higher_is_better, name, "direction")
        if not (math.isfinite(baseline) and baseline > 0):
            raise ValueError(f"baselines[{name!r}]={baseline}: a finite number above 0 is needed")
        gain = 100 * (float(scores[name]) - baseline) / baseline
        gains[name] = gain if higher_is_better[name] else -gain
    return gains


def _check_has(names: Iterable[str], name: str, kind: str) -> None:
    if name not in names:
        raise KeyError(f"baselines name {name!r}, which has no {kind}; there are {sorted(names)}")
