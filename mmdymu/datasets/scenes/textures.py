"""Random two-colour patterns with noise, evaluated for all pixels at once."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .labels import FACES, FIRST_SOLID, FIRST_WALL, RUG

_TILE = 256


class Materials(NamedTuple):
    """One material per segment id; last axis 256.

    Attributes:
        colours: (2, 3, 256) BGR reflectance in [0, 1] of the two colours of the pattern.
        pattern: (256,) 0 plain, 1 stripes, 2 checks, 3 dots, 4 grain.
        turn: (2, 256) cosine and sine of the pattern's rotation times its frequency, 1/m.
        grain: (256,) strength of the noise in [0, 1].
    """

    colours: np.ndarray
    pattern: np.ndarray
    turn: np.ndarray
    grain: np.ndarray


def random_materials(rng: np.random.Generator) -> Materials:
    """Draw materials; the four walls share one, and so do all faces of a solid."""
    base = rng.uniform(0.1, 0.95, (3, 256))
    colours = np.stack([base, np.clip(base + rng.uniform(-0.5, 0.5, (3, 256)), 0.03, 1)])
    angle = rng.uniform(0, np.pi, 256)
    frequency = np.exp(rng.uniform(np.log(0.7), np.log(6), 256))
    turn = np.stack([np.cos(angle) * frequency, np.sin(angle) * frequency])
    materials = Materials(colours, rng.integers(0, 5, 256), turn, rng.uniform(0.1, 0.5, 256))
    shared = np.arange(256)
    shared[FIRST_WALL:RUG] = FIRST_WALL
    shared[FIRST_SOLID:] -= (shared[FIRST_SOLID:] - FIRST_SOLID) % FACES
    return Materials(*(np.ascontiguousarray(part[..., shared]).astype(_dtype(part)) for part in materials))


def reflectance(segments: np.ndarray, uv: np.ndarray, materials: Materials) -> np.ndarray:
    """Colour of every pixel before light falls on it.

    Args:
        segments: (P,) uint8.
        uv: (2, P) metres along the surface.
        materials: One material per segment id.

    Returns:
        (3, P) float32, BGR in [0, 1].
    """
    cosine, sine = materials.turn.take(segments, axis=1)
    across = cosine * uv[0] + sine * uv[1]
    along = cosine * uv[1] - sine * uv[0]
    noise = _noise(uv, segments)
    mix = _pattern(materials.pattern[segments], across, along, noise)
    first, second = materials.colours.take(segments, axis=2)
    return (first + mix * (second - first)) * (1 + materials.grain[segments] * (noise - np.float32(0.5)))


def _pattern(pattern: np.ndarray, across: np.ndarray, along: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Share of the second colour, (P,) in [0, 1]."""
    cell_across, cell_along = np.floor(across), np.floor(along)
    part_across, part_along = across - cell_across, along - cell_along
    stripes = part_across < 0.4
    checks = (cell_across + cell_along) % 2
    dots = (part_across - 0.5) ** 2 + (part_along - 0.5) ** 2 < 0.1
    grain = 0.5 + 0.5 * np.sin(6.28 * (across + 1.5 * noise))
    mixes = np.stack([np.zeros_like(noise), stripes, checks, dots, grain]).astype(np.float32)
    pixels = np.arange(noise.size)
    return mixes.ravel().take(pattern.astype(np.int64) * noise.size + pixels)


def _noise(uv: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Two octaves of smooth noise in [0, 1]; every segment reads its own place of the tile."""
    tile = _noise_tile()
    shift = segments.astype(np.int32) * 37
    column, row = (48 * uv).astype(np.int32)
    coarse = tile.take(_flat(row + shift, column + 3 * shift))
    fine = tile.take(_flat(4 * row + shift, 4 * column + shift))
    return np.float32(0.6) * coarse + np.float32(0.4) * fine


def _flat(row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Position in the periodic tile; a mask does what a slow modulo would, the size is a power of two."""
    return ((row & (_TILE - 1)) * _TILE) + (column & (_TILE - 1))


@lru_cache(maxsize=1)
def _noise_tile() -> np.ndarray:
    """A fixed smooth periodic tile, (256, 256) float32 in [0, 1]."""
    tile = np.zeros((_TILE, _TILE))
    rng = np.random.default_rng(20220617)
    for step in (32, 16, 8, 4):
        coarse = rng.random((_TILE // step, _TILE // step))
        tile += step * _upsample(_upsample(coarse, step, 0), step, 1)
    tile -= tile.min()
    return (tile / tile.max()).astype(np.float32)


def _upsample(values: np.ndarray, step: int, axis: int) -> np.ndarray:
    """Periodic linear interpolation by a whole factor along one axis."""
    shape = [1, 1]
    shape[axis] = -1
    share = np.tile(np.arange(step) / step, values.shape[axis]).reshape(shape)
    here, after = (np.repeat(v, step, axis) for v in (values, np.roll(values, -1, axis)))
    return (1 - share) * here + share * after


def _dtype(part: np.ndarray) -> type[np.generic]:
    return np.float32 if part.dtype.kind == "f" else np.uint8
