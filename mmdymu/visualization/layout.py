"""Puts panels, captions and a legend into one picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

__all__ = ["captioned", "grid", "legend"]

FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE = 0.45
CAPTION_HEIGHT = 20
LINE_HEIGHT = 18
GAP = 4
INK = (255, 255, 255)
PAPER = 30


def captioned(panel: np.ndarray | None, caption: str, size: tuple[int, int]) -> np.ndarray:
    """A panel in the wanted size under a line of text.

    Args:
        panel: (h, w, 3) uint8, RGB; None = an empty one.
        caption: Text; cut where it does not fit.
        size: Height and width of the panel.

    Returns:
        (height + caption, width, 3) uint8, RGB.
    """
    height, width = size
    cell = np.full((height + CAPTION_HEIGHT, width, 3), PAPER, np.uint8)
    cv2.putText(cell, caption, (3, CAPTION_HEIGHT - 6), FONT, FONT_SCALE, INK, 1, cv2.LINE_AA)
    if panel is not None:
        # Labels must not be blended on their borders.
        cell[CAPTION_HEIGHT:] = cv2.resize(panel, (width, height), interpolation=cv2.INTER_NEAREST)
    return cell


def legend(entries: Sequence[tuple[str, Sequence[int]]], size: tuple[int, int]) -> np.ndarray:
    """Names beside their colours, in columns; a last line counts those that found no room.

    Args:
        entries: Name and RGB colour.
        size: Height and width of the panel.

    Returns:
        (height, width, 3) uint8, RGB.
    """
    height, width = size
    panel = np.full((height, width, 3), PAPER, np.uint8)
    rows = max(height // LINE_HEIGHT, 1)
    columns = max(width // 110, 1)
    shown = list(entries) if len(entries) <= rows * columns else list(entries[: rows * columns - 1])
    for position, (name, colour) in enumerate(shown):
        x, y = position // rows * (width // columns) + 4, position % rows * LINE_HEIGHT
        cv2.rectangle(panel, (x, y + 4), (x + 12, y + 15), tuple(int(value) for value in colour), -1)
        cv2.putText(panel, name, (x + 18, y + 14), FONT, FONT_SCALE * 0.85, INK, 1, cv2.LINE_AA)
    if len(shown) < len(entries):
        x = (columns - 1) * (width // columns) + 4
        text = f"+ {len(entries) - len(shown)} more"
        cv2.putText(panel, text, (x, (rows - 1) * LINE_HEIGHT + 14), FONT, FONT_SCALE * 0.85, INK, 1, cv2.LINE_AA)
    return panel


def grid(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Cells of one size, row by row, with gaps.

    Args:
        rows: The same number of cells (h, w, 3) in every row.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    height, width = rows[0][0].shape[:2]
    picture = np.full(
        (len(rows) * (height + GAP) - GAP, len(rows[0]) * (width + GAP) - GAP, 3),
        PAPER,
        np.uint8,
    )
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            y, x = row * (height + GAP), column * (width + GAP)
            picture[y : y + height, x : x + width] = cell
    return picture
