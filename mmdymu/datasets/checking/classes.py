"""Images that have a class instead of label maps."""

from __future__ import annotations

import numpy as np

from ..cifar100 import CIFAR100Tasks
from ..task_spec import TaskSpec
from .split import SplitReport
from .statistics import LabelStatistics


def check_classes(name: str, dataset: CIFAR100Tasks) -> SplitReport:
    """Reads a split, which checks its files, and counts the images of every task and class.

    Args:
        name: Name of the split.
        dataset: Built with ``lazy_init=True``.
    """
    described = dataset.metainfo["tasks"]
    specs = {task: TaskSpec.from_config(task, {**meta, "kind": "label"}) for task, meta in described.items()}
    report = SplitReport(name, specs, statistics={task: LabelStatistics() for task in specs})
    try:
        dataset.full_init()
    except (FileNotFoundError, ValueError) as error:
        report.errors.append(str(error))
        return report
    report.images = report.opened = len(dataset)
    paths = set()
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        ((task, label),) = info["class_labels"].items()
        report.statistics[task].add(LabelStatistics.of(np.array([[label]], np.uint8), specs[task]))
        report.sizes[info["ori_shape"]] += 1
        paths.add(info["img_path"])
    report.paths = frozenset(paths)
    return report
