"""The smallest classifiers and data in which every image counts for one task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.registry import init_default_scope
from mmpretrain.structures import DataSample, MultiTaskDataSample
from test_datasets.cifar_files import FINE_TO_COARSE, write_cifar

from mmdymu.datasets.cifar_files import CLASSES
from mmdymu.models import ControllableClassifier
from mmdymu.registry import MODELS

TASKS = ("fish", "trees", "people")
NUMBERS = tuple(list(CLASSES).index(task) for task in TASKS)


def model_config(tasks: Sequence[str] = TASKS, **changes: Any) -> dict[str, Any]:
    """Config of a tiny controllable classifier."""
    return {
        "type": "mmdymu.ControllableClassifier",
        "tasks": tuple(tasks),
        "stream": {"backbone": {"type": "mmdymu.ResNet9", "base_channels": 2}},
        "heads": {task: {"type": "mmpretrain.LinearClsHead", "num_classes": 5, "in_channels": 16} for task in tasks},
        "weight_hypernet": {"type": "mmdymu.WeightHypernet"},
        "image_size": (32, 32),
        "data_preprocessor": {"type": "mmdymu.MultiTaskDataPreprocessor", "mean": [127.5] * 3, "std": [64.0] * 3},
        **changes,
    }


def build_model(tasks: Sequence[str] = TASKS, seed: int = 0, **changes: Any) -> ControllableClassifier:
    """A tiny initialised classifier with different streams."""
    init_default_scope("mmdymu")
    torch.manual_seed(seed)
    model = MODELS.build(model_config(tasks, **changes))
    model.init_weights()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in [*model.backbone.parameters(), *model.heads.parameters()]:
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def samples(labels: Sequence[tuple[str, int]]) -> list[MultiTaskDataSample]:
    """One sample an image, with its own task only."""
    found = []
    for task, label in labels:
        sample = MultiTaskDataSample()
        sample.set_field(DataSample().set_gt_label(label), task)
        found.append(sample)
    return found


def write_images(folder: Path, each: int = 1) -> Path:
    """CIFAR files with so many images of each class of the tasks, the tasks mixed."""
    fine = [label for label in range(100) if FINE_TO_COARSE[label] in NUMBERS] * each
    return write_cifar(folder, fine, fine)


def loader(folder: Path, split: str = "train", **changes: Any) -> dict[str, Any]:
    """Config of a balanced train loader with augmentation, or of a test loader."""
    train = split == "train"
    augment = [
        {"type": "mmdymu.MultiTaskPad", "size": (40, 40)},
        {"type": "mmdymu.MultiTaskRandomCrop", "crop_size": (32, 32)},
    ]
    pipeline = [*(augment if train else []), {"type": "mmdymu.PackMultiTaskInputs"}]
    dataset = {"type": "mmdymu.CIFAR100Tasks", "split": split, "data_root": str(folder), "tasks": TASKS}
    sampler = {"type": "mmdymu.TaskBalancedSampler"} if train else {"type": "DefaultSampler", "shuffle": False}
    return {
        "batch_size": 6,
        "num_workers": 0,
        "sampler": sampler,
        "dataset": {**dataset, "pipeline": pipeline},
        **changes,
    }
