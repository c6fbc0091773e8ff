"""Ray-cast a procedural room with exact labels: numpy only, no files, no global state."""

from __future__ import annotations

import numpy as np

from .labels import (
    FACES,
    FIRST_PICTURE,
    FIRST_SOLID,
    FLOOR,
    RUG,
    edge_map,
    edge_segments,
    part_table,
    saliency_map,
    semseg_table,
)
from .layout import FOCAL_PER_WIDTH, Camera, Patch, Scene, Solid, random_scene
from .shapes import Hit, dot, room_hit, solid_distance, solid_hit
from .textures import random_materials, reflectance

# Raise it whenever the same (seed, index) gives other arrays: caches are keyed by it.
GENERATOR_VERSION = 1


def render_scene(seed: int, index: int, height: int, width: int) -> dict[str, np.ndarray]:
    """Draw room ``index`` of series ``seed`` and cast one ray through the centre of every pixel.

    Args:
        seed: Series, non-negative. Train and test sets differ in it.
        index: Number of the room in its series, non-negative.
        height: Image rows.
        width: Image columns.

    Returns:
        ``img`` (H, W, 3) uint8 BGR; ``depth`` (H, W) float32, metres along the camera's z axis (not along the
        ray); ``normals`` (H, W, 3) float32, unit vectors in the camera frame, x right, y up, z to the camera;
        ``semseg``, ``parts``, ``edges`` and ``saliency`` (H, W) uint8. Every pixel has a valid label.
    """
    rng = np.random.default_rng([seed, index])
    scene = random_scene(rng)
    rays = camera_rays(scene.camera, height, width)
    depth, segments, normals, uv = _cast(scene, rays, height, width)
    colour = reflectance(segments.ravel(), uv.reshape(2, -1), random_materials(rng))
    light = _light(scene, rays, depth, normals, rng)
    arrays = _labels(scene, segments.reshape(height, width), depth.reshape(height, width))
    to_camera = (scene.camera.axes * np.array([[1.0], [1.0], [-1.0]])).astype(np.float32)
    arrays["normals"] = np.ascontiguousarray((to_camera @ normals).T).reshape(height, width, 3)
    arrays["img"] = _expose(colour * light, rng).T.reshape(height, width, 3)
    return arrays


def camera_rays(camera: Camera, height: int, width: int) -> np.ndarray:
    """Directions in the world, (3, H*W) float32, 1 along the optical axis: a ray's parameter is the depth."""
    focal = FOCAL_PER_WIDTH * width
    x = (np.arange(width) + 0.5 - width / 2) / focal
    y = (height / 2 - np.arange(height) - 0.5) / focal
    right, up, forward = camera.axes
    rays = right[:, None, None] * x + up[:, None, None] * y[:, None] + forward[:, None, None]
    return rays.reshape(3, -1).astype(np.float32)


def _cast(scene: Scene, rays: np.ndarray, height: int, width: int) -> tuple[np.ndarray, ...]:
    """Nearest surfaces: depth (P,), segment ids (P,), world normals (3, P), texture coordinates (2, P)."""
    origin = scene.camera.position.astype(np.float32)[:, None]
    hit = room_hit(origin, rays, scene.room)
    buffers = (hit.t, _with_patches(hit, scene), hit.normal, hit.uv.astype(np.float32))
    images = [b.reshape(*b.shape[:-1], height, width) for b in (*buffers, rays)]
    for index, solid in enumerate(scene.solids):
        window = _window(solid, scene.camera, height, width)
        if window is not None:
            _draw_solid(solid, FIRST_SOLID + FACES * index, origin, [image[(..., *window)] for image in images])
    return buffers


def _with_patches(hit: Hit, scene: Scene) -> np.ndarray:
    """Room segments with rug and pictures laid on, (P,) uint8."""
    segments = hit.face.copy()
    segments[(hit.face == FLOOR) & _inside(hit.uv, scene.rug)] = RUG
    for number, picture in enumerate(scene.pictures):
        segments[(hit.face == picture.surface) & _inside(hit.uv, picture)] = FIRST_PICTURE + number
    return segments


def _inside(uv: np.ndarray, patch: Patch) -> np.ndarray:
    (low_u, low_v), (high_u, high_v) = patch.low, patch.high
    return (uv[0] > low_u) & (uv[0] < high_u) & (uv[1] > low_v) & (uv[1] < high_v)


def _draw_solid(solid: Solid, first_segment: int, origin: np.ndarray, views: list[np.ndarray]) -> None:
    """Overwrite, in place, the pixels of a window where the solid is nearer than what was drawn before."""
    depth, segments, normals, uv, rays = views
    local_origin, local_rays = _to_local(solid, origin, rays.reshape(3, -1))
    hit = solid_hit(solid.shape, local_origin, local_rays, solid.half)
    nearer = (hit.t < depth.ravel()).reshape(depth.shape)
    pick = nearer.ravel()
    depth[nearer] = hit.t[pick]
    segments[nearer] = first_segment + hit.face[pick]
    normals[:, nearer] = _turn(hit.normal[:, pick], -solid.yaw)
    uv[:, nearer] = hit.uv[:, pick]


def _window(solid: Solid, camera: Camera, height: int, width: int) -> tuple[slice, slice] | None:
    """Rows and columns that can show the solid: the projection of the cube around its bounding sphere."""
    x, y, z = camera.axes @ (np.asarray(solid.centre) - camera.position)
    radius = solid.radius
    if z + radius <= 0:
        return None
    if z - radius < 0.05:
        return slice(0, height), slice(0, width)
    focal = FOCAL_PER_WIDTH * width
    columns = _extent(x, radius, z, focal, width)
    rows = _extent(-y, radius, z, focal, height)
    return None if columns is None or rows is None else (rows, columns)


def _extent(centre: float, radius: float, z: float, focal: float, size: int) -> slice | None:
    """Pixels along one image axis between the projections of ``centre - radius`` and ``centre + radius``."""
    ends = [(centre + side * radius) / (z + near * radius) for side in (-1, 1) for near in (-1, 1)]
    low = max(int(np.floor(focal * min(ends) + size / 2)) - 1, 0)
    high = min(int(np.ceil(focal * max(ends) + size / 2)) + 1, size)
    return slice(low, high) if low < high else None


def _turn(vectors: np.ndarray, yaw: float) -> np.ndarray:
    """Rotate (3, P) vectors about y, from the world into the frame of a solid turned by ``yaw``."""
    cosine, sine = np.float32(np.cos(yaw)), np.float32(np.sin(yaw))
    x, y, z = vectors
    return np.stack([cosine * x - sine * z, y, sine * x + cosine * z])


def _to_local(solid: Solid, origin: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shifted = origin - np.asarray(solid.centre, np.float32)[:, None]
    if solid.yaw == 0:
        return shifted, rays
    return _turn(shifted, solid.yaw), _turn(rays, solid.yaw)


def _light(
    scene: Scene, rays: np.ndarray, depth: np.ndarray, normals: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Lambert's law for one lamp with hard shadows, plus light from everywhere, (3, P) float32 BGR."""
    tint, ambient, falloff = rng.uniform(0.75, 1.0, (3, 1)), rng.uniform(0.15, 0.4), rng.uniform(0.05, 0.25)
    # A millimetre above the surface: a point must not lie in the shadow of itself.
    points = scene.camera.position.astype(np.float32)[:, None] + depth * rays + np.float32(1e-3) * normals
    to_lamp = scene.light.astype(np.float32)[:, None] - points
    squared = dot(to_lamp, to_lamp)
    facing = dot(to_lamp, normals) / np.sqrt(squared)
    turned = np.flatnonzero(facing > 0)
    lit = _reaches_lamp(scene.solids, points.take(turned, axis=1), to_lamp.take(turned, axis=1))
    direct = np.zeros_like(facing)
    direct[turned[lit]] = facing[turned[lit]]
    direct /= 1 + np.float32(falloff) * squared
    return tint.astype(np.float32) * direct + np.float32(ambient) * (np.float32(0.75) + np.float32(0.25) * normals[1])


def _reaches_lamp(solids: tuple[Solid, ...], points: np.ndarray, to_lamp: np.ndarray) -> np.ndarray:
    """Whether no solid stands between the points (3, P) and the lamp, (P,) bool."""
    lit = np.ones(points.shape[1], bool)
    for solid in solids:
        lit &= solid_distance(solid.shape, *_to_local(solid, points, to_lamp), solid.half) > 1
    return lit


def _expose(radiance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Automatic exposure, display gamma and sensor noise, (3, P) uint8."""
    level = rng.uniform(0.16, 0.32) / max(float(radiance.mean()), 1e-6)
    image = np.sqrt(np.clip(radiance * np.float32(level), 0, 1))
    image += np.float32(rng.uniform(0.005, 0.02)) * rng.standard_normal(image.shape, np.float32)
    return (np.clip(image, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)


def _labels(scene: Scene, segments: np.ndarray, depth: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "depth": depth,
        "semseg": semseg_table(scene.solids)[segments],
        "parts": part_table(scene.solids)[segments],
        "edges": edge_map(edge_segments(scene.solids)[segments]),
        "saliency": saliency_map(segments, depth),
    }
