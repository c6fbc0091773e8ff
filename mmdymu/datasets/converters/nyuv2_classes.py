"""Classes and splits of NYU Depth V2: the small MATLAB files beside the frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmdymu.datasets.decoders.matlab import read_mat
from mmdymu.datasets.task_spec import IGNORE_LABEL

from .errors import ConversionError

RAW_CLASSES = 894
# Of 0 = unlabelled and the 40 classes of Gupta et al. (CVPR 2013), the one of 13 (Couprie et al., ICLR 2013), or 0.
TO_13 = (
    *(0, 12, 5, 6, 1, 4, 9, 10, 12, 13, 6, 8, 6, 13, 10, 6, 13, 6, 7, 7, 5),
    *(7, 3, 2, 6, 11, 7, 7, 7, 7, 7, 7, 6, 7, 7, 7, 7, 7, 7, 6, 7),
)
CLASS_COUNTS = (40, 13)


def class_table(mapping: Path, classes: int = 40) -> np.ndarray:
    """Class of every raw class.

    Args:
        mapping: classMapping40.mat; its mapClass holds the class 1 to 40 of the raw classes 1 to 894.
        classes: 40 or 13.

    Returns:
        (895,) uint8 over raw classes, from 0 = unlabelled: 0 to classes - 1, or 255 = unlabelled.

    Raises:
        ConversionError: The number of classes is another, or the file is not what it should be.
        FileNotFoundError: There is no such file.
    """
    if classes not in CLASS_COUNTS:
        raise ConversionError(f"classes={classes} is not allowed; choose 40 or 13")
    to_40 = _numbers(mapping, "mapClass")
    if len(to_40) != RAW_CLASSES:
        raise ConversionError(f"mapClass in '{mapping}' has {len(to_40)} entries instead of {RAW_CLASSES}")
    wrong = to_40[(to_40 < 0) | (to_40 > 40)]
    if wrong.size:
        raise ConversionError(f"mapClass in '{mapping}' holds {wrong[0]}; classes are 1 to 40, 0 = unlabelled")
    table = np.concatenate([[0], to_40])
    if classes == 13:
        table = np.array(TO_13)[table]
    return np.where(table == 0, IGNORE_LABEL, table - 1).astype(np.uint8)


def read_splits(path: Path, frames: int) -> dict[str, list[int]]:
    """Frames for training and for testing.

    Args:
        path: splits.mat with trainNdxs and testNdxs.
        frames: How many there are.

    Returns:
        'train' and 'test': numbers from 1, in the file's order.

    Raises:
        ConversionError: A variable is missing, empty, or names a frame that is not there or occurs twice.
        FileNotFoundError: There is no such file.
    """
    splits = {name: _numbers(path, f"{name}Ndxs") for name in ("train", "test")}
    for name, numbers in splits.items():
        wrong = numbers[(numbers < 1) | (numbers > frames)]
        if wrong.size:
            raise ConversionError(
                f"{name}Ndxs in '{path}' names frame {wrong[0]}; the labelled file has frames 1 to {frames}"
            )
    numbers, counts = np.unique(np.concatenate([*splits.values()]), return_counts=True)
    if counts.max() > 1:
        raise ConversionError(f"frame {numbers[counts.argmax()]} occurs twice in trainNdxs and testNdxs of '{path}'")
    return {name: numbers.tolist() for name, numbers in splits.items()}


def _numbers(path: Path, variable: str) -> np.ndarray:
    """A variable's whole numbers, (N,) int64."""
    if not path.is_file():
        raise FileNotFoundError(f"file '{path}' with variable {variable} does not exist")
    try:
        values = np.asarray(read_mat(path.read_bytes(), variable)).ravel()
    except ValueError as error:
        raise ConversionError(f"'{path}': {error}") from error
    if values.size == 0 or values.dtype.kind not in "uif" or not (values == np.rint(values)).all():
        raise ConversionError(f"{variable} in '{path}' must hold whole numbers, found {values.dtype} {values[:3]}")
    return values.astype(np.int64)
