"""Reads numbers that come as sequences, arrays or tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Numbers", "as_array"]

Floats = NDArray[np.float64]
Numbers = Sequence[Any] | NDArray[Any] | Tensor


def as_array(values: Any) -> Floats:
    """Float64 array of a tensor, an array, or a nested sequence of numbers and tensors."""
    if isinstance(values, Tensor):
        return values.detach().cpu().double().numpy()
    if isinstance(values, Sequence):
        return np.asarray([as_array(value) for value in values], dtype=np.float64)
    return np.asarray(values, dtype=np.float64)
