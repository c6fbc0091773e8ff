"""MATLAB files in the forms of the public releases."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.io import savemat

Part = tuple[str, np.ndarray]


def mat(**variables: Any) -> bytes:
    """A MATLAB file with some variables."""
    buffer = io.BytesIO()
    savemat(buffer, variables)
    return buffer.getvalue()


def parts_mat(objects: Sequence[tuple[str, int, np.ndarray, Sequence[Part]]]) -> bytes:
    """A PASCAL-Part annotation: class name, class index, mask and parts of each object."""
    fields = [("class", object), ("class_ind", object), ("mask", object), ("parts", object)]
    records = np.zeros((1, len(objects)), fields)
    for column, (name, index, mask, parts) in enumerate(objects):
        records[0, column] = (name, index, mask.astype(np.uint8), _parts(parts))
    return mat(anno={"imname": "2008_000001", "objects": records})


def _parts(parts: Sequence[Part]) -> np.ndarray:
    if not parts:
        return np.zeros((0, 0))
    records = np.zeros((1, len(parts)), [("part_name", object), ("mask", object)])
    for column, (name, mask) in enumerate(parts):
        records[0, column] = (name, mask.astype(np.uint8))
    return records
