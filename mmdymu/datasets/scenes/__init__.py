"""Procedural rooms: drawn at random, ray-cast with numpy, cached on disk."""

from __future__ import annotations

from .cache import SceneSeries, cached_series
from .labels import PART_CLASSES, SCENE_TASKS, SEMSEG_CLASSES
from .layout import FOCAL_PER_WIDTH
from .rendering import GENERATOR_VERSION, render_scene

__all__ = [
    "FOCAL_PER_WIDTH",
    "GENERATOR_VERSION",
    "PART_CLASSES",
    "SCENE_TASKS",
    "SEMSEG_CLASSES",
    "SceneSeries",
    "cached_series",
    "render_scene",
]
