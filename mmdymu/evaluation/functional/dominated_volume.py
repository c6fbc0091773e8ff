"""Hypervolume of a set of loss vectors."""

from __future__ import annotations

import moocore
import numpy as np

from .arrays import Floats, Numbers, as_array

__all__ = ["hypervolume"]

MAX_EXACT_OBJECTIVES = 6
# Numbers compared at once: bounds the memory of an estimate to a few megabytes, whatever its size.
CHUNK = 1_000_000


def hypervolume(points: Numbers, reference: Numbers, num_samples: int = 200_000, seed: int = 0) -> float:
    """Volume of what lies between a set of loss vectors and a reference point; every loss is minimised.

    Points that are not better than the reference in every loss add nothing, nor do dominated and repeated ones.
    Exact up to six losses (moocore). Above that, where exact computation takes minutes, a Monte-Carlo estimate by
    importance: points are drawn in the boxes between loss vectors and reference (Karp and Luby, FOCS 1983). Its
    relative standard error is at most sqrt((n − 1) / num_samples) for n loss vectors, 0.01 for 20 of them, in any
    dimension; points drawn in one box around all of them would nearly all miss at 20 losses.

    Args:
        points: (n, N), one loss vector a row; may be empty.
        reference: (N,), finite.
        num_samples: Points drawn for an estimate; not used up to six losses.
        seed: Of the estimate; the same seed gives the same number.

    Returns:
        The volume, >= 0, in the product of the losses' units.

    Raises:
        ValueError: If shapes do not fit, a loss is NaN or −inf, the reference is not finite, or there is no sample.
    """
    losses, corner = _checked(points, reference)
    if num_samples < 1:
        raise ValueError(f"num_samples={num_samples} of hypervolume must be at least 1")
    losses = losses[(losses < corner).all(axis=1)]
    if not len(losses):
        return 0.0
    if len(corner) <= MAX_EXACT_OBJECTIVES:
        return float(moocore.hypervolume(losses, ref=corner))
    return _estimate(moocore.filter_dominated(losses), corner, num_samples, seed)


def _checked(points: Numbers, reference: Numbers) -> tuple[Floats, Floats]:
    losses, corner = as_array(points), as_array(reference)
    if losses.size == 0 and corner.ndim == 1:
        losses = losses.reshape(0, len(corner))
    if corner.ndim != 1 or losses.ndim != 2 or losses.shape[1] != len(corner) or not len(corner):
        raise ValueError(
            f"hypervolume: points {losses.shape} and reference {corner.shape} do not fit; pass (n, N) and (N,)"
        )
    if not np.isfinite(corner).all():
        raise ValueError(f"hypervolume: the reference {corner.tolist()} is not finite")
    bad = np.isnan(losses) | np.isneginf(losses)
    if bad.any():
        row, column = np.argwhere(bad)[0].tolist()
        raise ValueError(f"hypervolume: points[{row}][{column}] is {losses[row, column]}, a loss must be a number")
    return losses, corner


def _estimate(losses: Floats, corner: Floats, num_samples: int, seed: int) -> float:
    """Sum of the boxes' volumes times the mean of 1 / (number of boxes that a point drawn from them lies in)."""
    generator = np.random.default_rng(seed)
    volumes = (corner - losses).prod(axis=1)
    if not volumes.sum():
        return 0.0  # Too small for a float.
    per_chunk = max(1, CHUNK // losses.size)
    total = 0.0
    for start in range(0, num_samples, per_chunk):
        count = min(per_chunk, num_samples - start)
        lower = losses[generator.choice(len(losses), size=count, p=volumes / volumes.sum())]
        drawn = lower + (corner - lower) * generator.random(lower.shape)
        covering = (drawn[:, None] >= losses).all(axis=2).sum(axis=1)
        total += (1 / covering).sum()
    return float(volumes.sum() * total / num_samples)
