"""All splits of a config."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmdymu.registry import DATASETS
from mmdymu.task_meta import class_mismatch

from ..base import BaseMultiTaskDataset
from ..cifar100 import CIFAR100Tasks
from .classes import check_classes
from .split import SplitReport, check_split

SPLITS = ("train", "val", "test")


def check_config(
    config: Mapping[str, Any], samples: int | None = None, num_workers: int | None = None
) -> list[SplitReport]:
    """Looks through the data sets of a config's loaders; a data set that two loaders share is looked at once.

    Splits that share images, or labels of different images, have errors, as have heads of the config's model with
    another number of classes.

    A top-level ``release`` tells what there should be: images by split, and ``files``, a glob pattern below
    ``data_root`` to a number. Numbers that differ are warnings.

    Args:
        config: A runner config.
        samples: How many images of a split are opened; None opens all.
        num_workers: Processes; 0 works in this one; None: one for each usable core.

    Raises:
        ValueError: The config has no data loader.
        TypeError: A data set is not one of this package.
    """
    reports = []
    for names, dataset in split_datasets(config):
        name = " = ".join(names)
        print_log(f"Looking at {name}", "current")
        built = build_lazily(dataset)
        if isinstance(built, CIFAR100Tasks):
            report = check_classes(name, built)
        else:
            report = check_split(name, built, samples, num_workers)
        report.errors += _wrong_heads(config.get("model"), built.metainfo)
        _compare(report, names, config.get("release", {}))
        reports.append(report)
    _find_overlaps(reports)
    _find_labels_of_others(reports)
    _count_files(reports[0], config)
    return reports


def split_datasets(config: Mapping[str, Any]) -> list[tuple[list[str], dict[str, Any]]]:
    """Names of splits and the config of the data set that they share."""
    found: list[tuple[list[str], dict[str, Any]]] = []
    for name in SPLITS:
        loader = config.get(f"{name}_dataloader")
        if not loader:
            continue
        for names, dataset in found:
            if dataset == loader["dataset"]:
                names.append(name)
                break
        else:
            found.append(([name], loader["dataset"]))
    if not found:
        raise ValueError(f"the config has none of {', '.join(f'{name}_dataloader' for name in SPLITS)}")
    return found


def build_lazily(dataset: Mapping[str, Any]) -> BaseMultiTaskDataset | CIFAR100Tasks:
    """The data set, without a look at its files.

    Raises:
        TypeError: It is not one of this package.
    """
    built = DATASETS.build({**copy.deepcopy(dict(dataset)), "lazy_init": True})
    if not isinstance(built, BaseMultiTaskDataset | CIFAR100Tasks):
        raise TypeError(f"dataset type {dataset.get('type')!r} cannot be checked: it is no multi-task data set")
    return built


def _wrong_heads(model: Mapping[str, Any] | None, dataset_meta: Mapping[str, Any]) -> list[str]:
    heads = (model or {}).get("heads") or {}
    return [text for task, head in heads.items() if (text := class_mismatch(task, head, dataset_meta))]


def _compare(report: SplitReport, names: Sequence[str], release: Mapping[str, Any]) -> None:
    for name in names:
        expected = release.get(name)
        if expected is not None and report.images and report.images != expected:
            report.warnings.append(f"{name} has {report.images} images, the release has {expected}")


def _find_overlaps(reports: Sequence[SplitReport]) -> None:
    for first, second in combinations(reports, 2):
        shared = sorted(first.paths & second.paths)
        if shared:
            names = ", ".join(Path(path).name for path in shared[:3]) + (", …" if len(shared) > 3 else "")
            second.errors.append(f"{second.name} shares {len(shared)} images with {first.name}: {names}")


def _find_labels_of_others(reports: Sequence[SplitReport]) -> None:
    """Where splits have folders of their own and file names repeat, a folder in common gives images wrong labels."""
    for first, second in combinations(reports, 2):
        shared = [key for key, image in second.labels.items() if first.labels.get(key, image) != image]
        if shared:
            task, label = key = min(shared)
            second.errors.append(
                f"{second.name} takes {len(shared)} of its labels from other images, of {first.name}: '{label}' is the "
                f"label of task '{task}' for '{first.labels[key]}' and for '{second.labels[key]}'; give each split the "
                f"folder of its own labels (tasks.{task}.folder), or ids that begin with it (train/0001)"
            )


def _count_files(report: SplitReport, config: Mapping[str, Any]) -> None:
    root = Path(config.get("data_root", ""))
    for pattern, expected in config.get("release", {}).get("files", {}).items():
        found = sum(1 for _ in root.glob(pattern))
        if found != expected:
            report.warnings.append(f"'{root / pattern}' matches {found} files, the release has {expected}")
