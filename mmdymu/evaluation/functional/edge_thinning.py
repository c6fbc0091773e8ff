"""Edges of one pixel's width: borders of label maps, and thinning."""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["label_boundaries", "thin_edges"]

# The eight neighbours, counter-clockwise from the right: rows grow downwards.
_NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))


def label_boundaries(labels: np.ndarray, ignore_index: int = 255) -> np.ndarray:
    """Pixels that differ from their right, lower or lower-right neighbour.

    Args:
        labels: (H, W) integers.
        ignore_index: Labels that are unknown: they differ from nothing.

    Returns:
        (H, W) bool.
    """
    edges = np.zeros(labels.shape, bool)
    valid = labels != ignore_index
    height, width = labels.shape
    for down, right in ((0, 1), (1, 0), (1, 1)):
        here = (slice(height - down), slice(width - right))
        there = (slice(down, None), slice(right, None))
        edges[here] |= (labels[here] != labels[there]) & valid[here] & valid[there]
    return edges


def thin_edges(mask: np.ndarray) -> np.ndarray:
    """Thins to convergence; the result of :func:`skimage.morphology.thin`, several times faster.

    Two rules take turns (Lam, Lee, Suen, 1992) until neither removes a pixel. Only pixels whose neighbourhood has
    changed are looked at again, so the time follows the pixels removed and not the size of the image times the
    width of its thickest edge.

    Args:
        mask: (H, W) bool.

    Returns:
        (H, W) bool.
    """
    height, width = mask.shape
    padded = np.pad(mask, 1)
    codes = np.zeros(padded.shape, np.uint8)
    for bit, (down, right) in enumerate(_NEIGHBOURS):
        neighbour = padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]
        codes[1:-1, 1:-1] |= neighbour.view(np.uint8) << bit
    _remove(padded.reshape(-1), codes.reshape(-1), width + 2)
    return padded[1:-1, 1:-1].copy()


def _remove(alive: np.ndarray, codes: np.ndarray, width: int) -> None:
    """Applies the rules in turn, in place, to a padded and flattened mask.

    Args:
        alive: Whether a pixel is set.
        codes: Bit k of a pixel's byte: whether its neighbour k is set.
        width: Of a padded row.
    """
    offsets = [down * width + right for down, right in _NEIGHBOURS]
    # A removed pixel is neighbour k + 4 of its neighbour k.
    keep_bits = [np.uint8(255 - (1 << (bit + 4) % 8)) for bit in range(8)]
    order = np.empty(alive.size, np.int32)
    rules = _rules()
    border = np.flatnonzero(alive & (codes != 255))
    pending = [[border], [border]]  # Per rule: what it has to look at.
    turn = idle = 0
    while idle < 2:
        pixels = np.concatenate(pending[turn])
        pending[turn] = [pixels[:0]]
        pixels = pixels[alive[pixels] & rules[turn][codes[pixels]]]
        # Each pixel once: of equal ones, the last has written its place.
        order[pixels] = np.arange(pixels.size)
        pixels = pixels[order[pixels] == np.arange(pixels.size)]
        alive[pixels] = False
        for offset, bits in zip(offsets, keep_bits, strict=True):
            neighbours = pixels + offset
            codes[neighbours] &= bits
            neighbours = neighbours[alive[neighbours]]
            pending[0].append(neighbours)
            pending[1].append(neighbours)
        idle = 0 if pixels.size else idle + 1
        turn = 1 - turn


@cache
def _rules() -> tuple[np.ndarray, np.ndarray]:
    """Per rule and neighbourhood, whether its centre goes, (256,) bool each."""
    codes = np.arange(256)
    # x[0] is x_1 of the publication; odd ones are its diagonal neighbours.
    x = [(codes >> bit & 1).astype(bool) for bit in range(8)]
    crossings = sum((~x[k] & (x[k + 1] | x[(k + 2) % 8])).astype(int) for k in (0, 2, 4, 6))
    first = sum((x[k] | x[k + 1]).astype(int) for k in (0, 2, 4, 6))
    second = sum((x[k + 1] | x[(k + 2) % 8]).astype(int) for k in (0, 2, 4, 6))
    ends = np.minimum(first, second)
    common = (crossings == 1) & (ends >= 2) & (ends <= 3)
    return (
        common & ~((x[1] | x[2] | ~x[7]) & x[0]),
        common & ~((x[5] | x[6] | ~x[3]) & x[4]),
    )
