"""Ray intersections, vectorised over rays; components come first: vectors are (3, P) float32.

A ray is ``origin + t * direction``; direction need not have unit length, ``inf`` means that nothing is hit.
All solids are given in their own frame: centred at the origin, axes along x, y, z.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_TINY = np.float32(1e-9)


class Hit(NamedTuple):
    """First hit of every ray.

    Attributes:
        t: (P,) ray parameter, inf where the ray misses.
        face: (P,) uint8 number of the face that is hit.
        normal: (3, P) outward unit normal, in the frame of the solid.
        uv: (2, P) texture coordinates, metres along the surface.
    """

    t: np.ndarray
    face: np.ndarray
    normal: np.ndarray
    uv: np.ndarray


def room_hit(origin: np.ndarray, direction: np.ndarray, room: np.ndarray) -> Hit:
    """Inner faces of the box (0, 0, 0) to ``room``: floor, ceiling, x = 0, x = X, z = 0, z = Z."""
    safe = _no_zero(direction)
    bound = np.where(safe > 0, room.astype(np.float32)[:, None], np.float32(0))
    leaving = (bound - origin) / safe
    t = np.minimum(np.minimum(leaving[0], leaving[1]), leaving[2])
    axis = _first_true(leaving[0] == t, leaving[1] == t)
    face = _ROOM_FACES[axis, (np.choose(axis, safe) > 0).astype(np.uint8)]
    point = origin + t * direction
    flat = axis == 1
    uv = np.stack([np.where(axis == 0, point[2], point[0]), np.where(flat, point[2], point[1])])
    return Hit(t, face, _axis_normals(axis, safe), uv)


def solid_hit(shape: str, origin: np.ndarray, direction: np.ndarray, half: tuple[float, float, float]) -> Hit:
    """First hit of a solid from outside; faces as in :mod:`.labels`."""
    if shape == "box":
        return _box_hit(origin, direction, half)
    if shape == "cylinder":
        return _cylinder_hit(origin, direction, half)
    return _sphere_hit(origin, direction, half[0])


def solid_distance(
    shape: str, origin: np.ndarray, direction: np.ndarray, half: tuple[float, float, float]
) -> np.ndarray:
    """Only the ray parameter of :func:`solid_hit`, (P,): all that a shadow needs."""
    if shape == "box":
        return _box_entry(origin, direction, half)[0]
    if shape == "cylinder":
        return np.minimum(*_cylinder_entries(origin, direction, half))
    return _sphere_entry(origin, direction, half[0])


def dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Scalar products of (3, P) vectors, (P,); several times faster than a reduction over the short axis."""
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]


_ROOM_FACES = np.array([[2, 3], [0, 1], [4, 5]], np.uint8)


def _first_true(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """0 where ``first`` holds, else 1 where ``second`` holds, else 2; (P,) uint8."""
    return np.where(first, np.uint8(0), np.where(second, np.uint8(1), np.uint8(2)))


def _no_zero(direction: np.ndarray) -> np.ndarray:
    return np.where(np.abs(direction) < _TINY, _TINY, direction)


def _axis_normals(axis: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Unit vectors along ``axis`` that point against the ray, (3, P)."""
    one_hot = axis[None] == np.arange(3)[:, None]
    return np.where(one_hot, -np.sign(direction), np.float32(0)).astype(np.float32)


def _box_entry(origin: np.ndarray, direction: np.ndarray, half: tuple[float, float, float]) -> tuple[np.ndarray, ...]:
    """Slab method: entry parameter (P,) and the entry parameter of each pair of faces (3, P)."""
    safe = _no_zero(direction)
    extent = np.asarray(half, np.float32)[:, None]
    middle = -origin / safe
    reach = extent / np.abs(safe)
    entering, leaving = middle - reach, middle + reach
    near = np.maximum(np.maximum(entering[0], entering[1]), entering[2])
    far = np.minimum(np.minimum(leaving[0], leaving[1]), leaving[2])
    return np.where((near < far) & (near > 0), near, np.float32(np.inf)), entering


def _box_hit(origin: np.ndarray, direction: np.ndarray, half: tuple[float, float, float]) -> Hit:
    t, entering = _box_entry(origin, direction, half)
    axis = _first_true(entering[0] >= np.maximum(entering[1], entering[2]), entering[1] >= entering[2])
    against = np.choose(axis, direction) < 0
    point = origin + np.where(np.isfinite(t), t, 0) * direction
    uv = np.stack([np.where(axis == 0, point[2], point[0]), np.where(axis == 1, point[2], point[1])])
    return Hit(t, (2 * axis + against).astype(np.uint8), _axis_normals(axis, _no_zero(direction)), uv)


def _first_root(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Smaller root of a t² + 2 b t + c, inf where there is none or it is not positive."""
    discriminant = b * b - a * c
    root = (-b - np.sqrt(np.maximum(discriminant, 0))) / a
    return np.where((discriminant > 0) & (root > 0), root, np.float32(np.inf))


def _sphere_entry(origin: np.ndarray, direction: np.ndarray, radius: float) -> np.ndarray:
    c = dot(origin, origin) - np.float32(radius * radius)
    return _first_root(dot(direction, direction), dot(origin, direction), c)


def _sphere_hit(origin: np.ndarray, direction: np.ndarray, radius: float) -> Hit:
    t = _sphere_entry(origin, direction, radius)
    normal = (origin + np.where(np.isfinite(t), t, 0) * direction) / np.float32(radius)
    normal /= np.maximum(np.sqrt(dot(normal, normal)), _TINY)
    uv = radius * np.stack([np.arctan2(normal[0], normal[2]), np.arcsin(np.clip(normal[1], -1, 1))])
    return Hit(t, (normal[1] < 0).astype(np.uint8), normal, uv)


def _cylinder_entries(
    origin: np.ndarray, direction: np.ndarray, half: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Ray parameters of the mantle and of the cap that faces the ray, (P,) each."""
    radius_squared = np.float32(half[0] ** 2)
    safe = _no_zero(direction)
    a = safe[0] ** 2 + safe[2] ** 2
    b = origin[0] * safe[0] + origin[2] * safe[2]
    c = origin[0] ** 2 + origin[2] ** 2 - radius_squared
    mantle = _first_root(a, b, c)
    height = origin[1] + np.where(np.isfinite(mantle), mantle, 0) * direction[1]
    mantle = np.where(np.abs(height) <= half[1], mantle, np.float32(np.inf))
    cap = (-np.sign(safe[1]) * np.float32(half[1]) - origin[1]) / safe[1]
    outside = (origin[0] + cap * direction[0]) ** 2 + (origin[2] + cap * direction[2]) ** 2 > radius_squared
    return mantle, np.where(outside | (cap <= 0), np.float32(np.inf), cap)


def _cylinder_hit(origin: np.ndarray, direction: np.ndarray, half: tuple[float, float, float]) -> Hit:
    """Faces: 0 mantle, 1 top, 2 bottom."""
    mantle, cap = _cylinder_entries(origin, direction, half)
    t = np.minimum(mantle, cap)
    point = origin + np.where(np.isfinite(t), t, 0) * direction
    on_cap = cap < mantle
    side = point[[0, 2]] / np.maximum(np.hypot(point[0], point[2]), _TINY)
    flat = np.stack([np.zeros_like(t), -np.sign(direction[1]), np.zeros_like(t)])
    normal = np.where(on_cap, flat, np.stack([side[0], np.zeros_like(t), side[1]])).astype(np.float32)
    uv = np.where(on_cap, point[[0, 2]], np.stack([half[0] * np.arctan2(point[0], point[2]), point[1]]))
    face = np.where(on_cap, np.where(direction[1] < 0, 1, 2), 0)
    return Hit(t, face.astype(np.uint8), normal, uv)
