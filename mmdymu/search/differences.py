"""How far the outputs of two networks are apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

__all__ = ["check_shapes", "largest", "relative_difference", "tensor_difference"]


def relative_difference(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> float:
    """Largest difference of any task, as a share of the task's largest absolute value.

    Returns:
        The share; NaN if a value is none, or both are infinite.

    Raises:
        ValueError: If tasks or shapes differ.
    """
    check_shapes(found, wanted)
    return largest(tensor_difference(found[task], output) for task, output in wanted.items())


def largest(values: Iterable[float]) -> float:
    """The largest of some numbers that are at least 0, or NaN if one is: ``max`` would pass over it."""
    return float(torch.tensor([0.0, *values], dtype=torch.float64).max())


def tensor_difference(found: Tensor, wanted: Tensor) -> float:
    """Largest difference of two tensors of one shape, as a share of the largest absolute value that is wanted."""
    difference = (found.double() - wanted.double()).abs().max()
    return float(difference / wanted.double().abs().max().clamp(min=1e-12))


def check_shapes(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Raises a ValueError unless tasks and shapes are the same."""
    if list(found) != list(wanted):
        raise ValueError(f"outputs are of tasks {list(found)} and {list(wanted)}")
    for task, output in wanted.items():
        if found[task].shape != output.shape:
            raise ValueError(f"{task}: outputs have shapes {tuple(found[task].shape)} and {tuple(output.shape)}")
