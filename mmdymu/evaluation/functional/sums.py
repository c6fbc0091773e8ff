"""Streaming sums: what a metric keeps of the images it has seen, a fixed number of numbers."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

__all__ = ["Sums", "add_sums"]

Sums = dict[str, Tensor]


def add_sums(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> Sums:
    """Sum of two sets of sums; an empty one is neutral."""
    if not first:
        return dict(second)
    return {name: value + second[name] for name, value in first.items()} if second else dict(first)


def check_same_shape(name: str, pred: Tensor, target: Tensor) -> None:
    """Raises a ValueError that names both shapes unless they are equal."""
    if pred.shape != target.shape:
        raise ValueError(f"{name}: prediction {tuple(pred.shape)} and label {tuple(target.shape)} differ in shape.")
