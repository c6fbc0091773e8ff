"""What the pixels of a procedural room are called: segment ids, classes, palettes and look-up tables.

The ray caster writes one *segment id* per pixel; every label map is a look-up in a table of 256 entries. Ids
0 to 8 are the room's surfaces; solid ``k`` owns the eight ids from ``FIRST_SOLID + 8 k``, one for each of its
faces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from .layout import Solid

SEMSEG_CLASSES = ("floor", "wall", "ceiling", "rug", "picture", "box", "cylinder", "sphere")
PART_CLASSES = ("background", "top", "long side", "short side", "mantle", "upper half", "lower half")

FLOOR, CEILING, FIRST_WALL, RUG, FIRST_PICTURE = 0, 1, 2, 6, 7
FIRST_SOLID, FACES = 16, 8
MAX_SOLIDS = (256 - FIRST_SOLID) // FACES

# Stored values: depth as uint16 in steps of 0.25 mm, normals as uint16 in steps of 1/32767.
DEPTH_SCALE = 1 / 4000
NORMAL_SCALE = 1 / 32767

_BLACK_WHITE = ((0, 0, 0), (255, 255, 255))
SCENE_TASKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "semseg": {
            "kind": "label",
            "classes": SEMSEG_CLASSES,
            "palette": (
                (140, 110, 80), (200, 200, 190), (235, 235, 250), (170, 60, 60),
                (90, 60, 160), (230, 150, 40), (60, 160, 90), (50, 120, 220),
            ),
        },
        "depth": {"kind": "depth", "scale": DEPTH_SCALE},
        "normals": {"kind": "normals", "scale": NORMAL_SCALE, "offset": -1.0},
        "edges": {"kind": "label", "classes": ("background", "edge"), "palette": _BLACK_WHITE},
        "saliency": {"kind": "label", "classes": ("background", "salient"), "palette": _BLACK_WHITE},
        "parts": {
            "kind": "label",
            "classes": PART_CLASSES,
            "palette": (
                (0, 0, 0), (230, 90, 90), (90, 200, 90), (90, 90, 230),
                (220, 200, 60), (200, 90, 210), (80, 200, 210),
            ),
        },
    }
)  # fmt: skip


def semseg_table(solids: Sequence[Solid]) -> np.ndarray:
    """Segment id to semantic class, (256,) uint8."""
    table = np.zeros(256, np.uint8)
    table[CEILING] = SEMSEG_CLASSES.index("ceiling")
    table[FIRST_WALL:RUG] = SEMSEG_CLASSES.index("wall")
    table[RUG] = SEMSEG_CLASSES.index("rug")
    table[FIRST_PICTURE:FIRST_SOLID] = SEMSEG_CLASSES.index("picture")
    for index, solid in enumerate(solids):
        table[_faces(index)] = SEMSEG_CLASSES.index(solid.shape)
    return table


def part_table(solids: Sequence[Solid]) -> np.ndarray:
    """Segment id to part class, (256,) uint8.

    Mirroring an image leaves every part what it is: no class is a left or a right one.
    """
    table = np.zeros(256, np.uint8)
    for index, solid in enumerate(solids):
        names = _box_parts(solid) if solid.shape == "box" else _ROUND_PARTS[solid.shape]
        table[_faces(index)][: len(names)] = [PART_CLASSES.index(name) for name in names]
    return table


def edge_segments(solids: Sequence[Solid]) -> np.ndarray:
    """Segment id to the id that counts for edges, (256,) uint8: the two halves of a sphere have no border."""
    table = np.arange(256, dtype=np.uint8)
    for index, solid in enumerate(solids):
        if solid.shape == "sphere":
            table[_faces(index)] = FIRST_SOLID + FACES * index
    return table


def edge_map(segments: np.ndarray) -> np.ndarray:
    """Borders of segments: 1 where the right, the lower or the lower-right neighbour differs.

    Args:
        segments: (H, W) integers.

    Returns:
        (H, W) uint8, 0 or 1; the last row and column look only along the image border.
    """
    edges = np.zeros(segments.shape, bool)
    edges[:, :-1] |= segments[:, :-1] != segments[:, 1:]
    edges[:-1] |= segments[:-1] != segments[1:]
    edges[:-1, :-1] |= segments[:-1, :-1] != segments[1:, 1:]
    return edges.astype(np.uint8)


def saliency_map(segments: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The nearest visible solid (the one that holds the nearest pixel of all solids).

    Args:
        segments: (H, W) uint8 segment ids.
        depth: (H, W) metres.

    Returns:
        (H, W) uint8, 1 on that solid; all 0 where no solid is visible.
    """
    on_solid = segments >= FIRST_SOLID
    if not on_solid.any():
        return np.zeros(segments.shape, np.uint8)
    nearest = segments.flat[np.where(on_solid, depth, np.inf).argmin()]
    first = nearest - (nearest - FIRST_SOLID) % FACES
    return ((segments >= first) & (segments < int(first) + FACES)).astype(np.uint8)


_ROUND_PARTS = {"cylinder": ("mantle", "top", "top"), "sphere": ("upper half", "lower half")}


def _box_parts(solid: Solid) -> tuple[str, ...]:
    """Part names of the faces -x, +x, -y, +y, -z, +z; faces across x are as wide as the box is in z."""
    across_x, across_z = ("long side", "short side") if solid.half[2] >= solid.half[0] else ("short side", "long side")
    return (across_x, across_x, "top", "top", across_z, across_z)


def _faces(index: int) -> slice:
    return slice(FIRST_SOLID + FACES * index, FIRST_SOLID + FACES * (index + 1))
