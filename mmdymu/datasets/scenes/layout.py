"""Random rooms: sizes, camera, solids, rug, pictures and light, drawn from one generator.

World frame: x and z span the floor, y points up, metres; the room is the box from (0, 0, 0) to
``Scene.room``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Horizontal field of view 65 degrees, the same for all scenes: with an unknown focal length depth could not
# be learnt.
FOCAL_PER_WIDTH = 0.5 / np.tan(np.radians(65 / 2))
SHAPES = ("box", "cylinder", "sphere")
_MARGIN = 0.05
_CAMERA_CLEARANCE = 0.5
_PLACING_ATTEMPTS = 12


@dataclass(frozen=True)
class Solid:
    """A textured solid.

    Attributes:
        shape: 'box', 'cylinder' (upright) or 'sphere'.
        centre: (x, y, z), metres.
        half: Half extents in the solid's own frame, metres; radius, half height, radius for a cylinder.
        yaw: Rotation about the y axis, radians; 0 for the round ones.
    """

    shape: str
    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    yaw: float

    @property
    def floor_radius(self) -> float:
        """Radius of the circle around the solid's outline seen from above, metres."""
        return float(np.hypot(self.half[0], self.half[2])) if self.shape == "box" else self.half[0]

    @property
    def radius(self) -> float:
        """Radius of the sphere around the solid, metres."""
        return self.half[0] if self.shape == "sphere" else float(np.hypot(self.floor_radius, self.half[1]))


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; rows of ``axes`` are its right, up and forward direction in the world."""

    position: np.ndarray
    axes: np.ndarray


@dataclass(frozen=True)
class Patch:
    """A flat rectangle on a room surface, limits in that surface's own two coordinates, metres."""

    surface: int
    low: tuple[float, float]
    high: tuple[float, float]


@dataclass(frozen=True)
class Scene:
    """All that the ray caster needs to know about one room."""

    room: np.ndarray
    camera: Camera
    solids: tuple[Solid, ...]
    rug: Patch
    pictures: tuple[Patch, ...]
    light: np.ndarray


def random_scene(rng: np.random.Generator) -> Scene:
    """Draw a room of 3.5 to 6.5 m with three to seven solids in front of the camera."""
    room = np.array([rng.uniform(3.5, 6.5), rng.uniform(2.4, 3.4), rng.uniform(3.5, 6.5)])
    camera = _random_camera(rng, room)
    solids: list[Solid] = []
    for _ in range(rng.integers(3, 8)):
        solid = _place_solid(rng, room, camera, solids)
        if solid is not None:
            solids.append(solid)
    pictures = tuple(_random_picture(rng, room) for _ in range(rng.integers(0, 4)))
    light = room * rng.uniform((0.15, 0.75, 0.15), (0.85, 0.97, 0.85))
    return Scene(room, camera, tuple(solids), _random_rug(rng, room, camera), pictures, light)


def _random_camera(rng: np.random.Generator, room: np.ndarray) -> Camera:
    """Stand near the outline of the room and look across it, a little downwards."""
    turn = rng.uniform(0, 2 * np.pi)
    outwards = np.array([np.sin(turn), np.cos(turn)])
    half = room[[0, 2]] / 2
    distance = float(np.min((half - 0.35) / np.maximum(np.abs(outwards), 1e-6)))
    floor_xz = half + outwards * distance * rng.uniform(0.75, 1.0)
    position = np.array([floor_xz[0], rng.uniform(1.1, 1.8), floor_xz[1]])
    yaw = turn + np.pi + rng.uniform(-0.35, 0.35)
    return Camera(position, _axes(yaw, pitch=rng.uniform(-0.45, 0.05), roll=rng.uniform(-0.05, 0.05)))


def _axes(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rows right, up, forward of a camera that looks along +z before it is turned, (3, 3)."""
    forward = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    level_right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    level_up = np.cross(forward, level_right)
    right = np.cos(roll) * level_right + np.sin(roll) * level_up
    return np.stack([right, np.cross(forward, right), forward])


def _place_solid(rng: np.random.Generator, room: np.ndarray, camera: Camera, solids: list[Solid]) -> Solid | None:
    """A new solid on the floor, in the air or on a box that carries nothing; None if there is no place."""
    shape = SHAPES[rng.integers(len(SHAPES))]
    free_boxes = [s for s in solids if s.shape == "box" and not _carries(s, solids)]
    if free_boxes and rng.random() < 0.3:
        return _on_top_of(rng, shape, free_boxes[rng.integers(len(free_boxes))], room)
    half = _random_half(rng, shape, 1.0)
    yaw = float(rng.uniform(0, np.pi)) if shape == "box" else 0.0
    for _ in range(_PLACING_ATTEMPTS):
        x, z = _point_ahead(rng, camera)
        lift = rng.uniform(0.2, room[1] - 2 * half[1]) if shape == "sphere" and rng.random() < 0.3 else 0.0
        solid = Solid(shape, (x, half[1] + lift, z), half, yaw)
        if _fits(solid, room, camera, solids):
            return solid
    return None


def _random_half(rng: np.random.Generator, shape: str, size: float) -> tuple[float, float, float]:
    if shape == "box":
        x, y, z = size * rng.uniform((0.15, 0.12, 0.15), (0.5, 0.6, 0.5))
        return float(x), float(y), float(z)
    radius = float(size * rng.uniform(0.12, 0.4))
    return radius, radius if shape == "sphere" else float(size * rng.uniform(0.15, 0.7)), radius


def _point_ahead(rng: np.random.Generator, camera: Camera) -> tuple[float, float]:
    """A point of the floor inside the camera's horizontal field of view, (x, z)."""
    right, _, forward = camera.axes
    distance = rng.uniform(1.0, 4.5)
    offset = distance * rng.uniform(-0.6, 0.6)
    flat_forward = forward[[0, 2]] / np.hypot(forward[0], forward[2])
    x, z = camera.position[[0, 2]] + distance * flat_forward + offset * right[[0, 2]]
    return float(x), float(z)


def _fits(solid: Solid, room: np.ndarray, camera: Camera, others: list[Solid]) -> bool:
    x, _, z = solid.centre
    reach = solid.floor_radius + _MARGIN
    inside = reach < x < room[0] - reach and reach < z < room[2] - reach
    clear = np.hypot(x - camera.position[0], z - camera.position[2]) > solid.floor_radius + _CAMERA_CLEARANCE
    return bool(inside and clear) and all(
        np.hypot(x - o.centre[0], z - o.centre[2]) > reach + o.floor_radius for o in others
    )


def _carries(box: Solid, solids: list[Solid]) -> bool:
    return any(s is not box and s.centre[0] == box.centre[0] and s.centre[2] == box.centre[2] for s in solids)


def _on_top_of(rng: np.random.Generator, shape: str, box: Solid, room: np.ndarray) -> Solid | None:
    half = _random_half(rng, shape, 0.45)
    top = box.centre[1] + box.half[1]
    too_wide = max(half[0], half[2]) > min(box.half[0], box.half[2])
    if too_wide or top + 2 * half[1] > room[1]:
        return None
    yaw = box.yaw if shape == "box" else 0.0
    return Solid(shape, (box.centre[0], top + half[1], box.centre[2]), half, yaw)


def _random_rug(rng: np.random.Generator, room: np.ndarray, camera: Camera) -> Patch:
    x, z = _point_ahead(rng, camera)
    half = rng.uniform(0.3, 1.0, 2)
    centre = np.clip((x, z), half, np.maximum(room[[0, 2]] - half, half))
    return Patch(0, tuple(centre - half), tuple(centre + half))


def _random_picture(rng: np.random.Generator, room: np.ndarray) -> Patch:
    """A rectangle on one of the walls 2 to 5 (x = 0, x = X, z = 0, z = Z), in (along the wall, height)."""
    wall = int(rng.integers(2, 6))
    length = room[2] if wall < 4 else room[0]
    half = rng.uniform((0.2, 0.15), (0.8, 0.5))
    centre = rng.uniform((half[0], 1.2), (length - half[0], room[1] - half[1] - 0.1))
    return Patch(wall, tuple(centre - half), tuple(centre + half))
