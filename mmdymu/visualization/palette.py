"""Colours of classes."""

from __future__ import annotations

import colorsys

import numpy as np

__all__ = ["default_palette"]

GOLDEN_RATIO = 0.618034


def default_palette(num_classes: int) -> np.ndarray:
    """Distinct colours for a data set without a palette; a class keeps its colour when others are added.

    Args:
        num_classes: K.

    Returns:
        (K, 3) uint8, RGB.
    """
    # Steps of the golden ratio never revisit a hue; brightness alternates so that neighbours differ in grey
    # as well.
    colours = [
        colorsys.hsv_to_rgb(0.58 + k * GOLDEN_RATIO, 0.85 - 0.35 * (k % 3 == 2), 1.0 - 0.35 * (k % 2))
        for k in range(num_classes)
    ]
    return np.round(np.array(colours).reshape(-1, 3) * 255).astype(np.uint8)
