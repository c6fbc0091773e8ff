"""Small files in the layout of CIFAR-100's python version."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmpretrain.datasets.categories import CIFAR100_CATEGORIES

# Written out here once more: the loader derives it from names.
FINE_TO_COARSE = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3, 15, 0, 11, 1, 10,
    12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16,
    12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14,
    13,
)  # fmt: skip
COARSE_NAMES = [
    "aquatic_mammals",
    "fish",
    "flowers",
    "food_containers",
    "fruit_and_vegetables",
    "household_electrical_devices",
    "household_furniture",
    "insects",
    "large_carnivores",
    "large_man-made_outdoor_things",
    "large_natural_outdoor_scenes",
    "large_omnivores_and_herbivores",
    "medium_mammals",
    "non-insect_invertebrates",
    "people",
    "reptiles",
    "small_mammals",
    "trees",
    "vehicles_1",
    "vehicles_2",
]


def pixel(index: int, row: int, column: int, channel: int) -> int:
    """Value of a pixel of image ``index``; channel 0 is red."""
    return (7 * index + 31 * channel + 3 * row + 5 * column) % 256


def image(index: int) -> np.ndarray:
    """(32, 32, 3) uint8, RGB."""
    return np.fromfunction(np.vectorize(lambda r, c, k: pixel(index, int(r), int(c), int(k))), (32, 32, 3)).astype(
        np.uint8
    )


def split(fine: Sequence[int], **changes: Any) -> dict[str, Any]:
    """Content of ``train`` or ``test``: images by :func:`pixel`, written plane after plane."""
    row, column = np.mgrid[:32, :32]
    data = [
        np.concatenate([((7 * i + 31 * k + 3 * row + 5 * column) % 256).reshape(-1) for k in range(3)])
        for i in range(len(fine))
    ]
    return {
        "data": np.array(data, np.uint8),
        "fine_labels": list(fine),
        "coarse_labels": [FINE_TO_COARSE[label] for label in fine],
        "filenames": [f"image_s_{i:06d}.png" for i in range(len(fine))],
        "batch_label": "training batch 1 of 1",
        **changes,
    }


def write_cifar(folder: Path, train: Sequence[int], test: Sequence[int] = (0,)) -> Path:
    """Writes all three files for images with these fine labels."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "train", split(train))
    write(folder / "test", split(test))
    write(folder / "meta", {"fine_label_names": list(CIFAR100_CATEGORIES), "coarse_label_names": list(COARSE_NAMES)})
    return folder


def write(path: Path, content: Any, protocol: int = 2) -> None:
    """Pickles one file, by default as old as the original ones."""
    path.write_bytes(pickle.dumps(content, protocol=protocol))
