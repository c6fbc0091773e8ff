"""Pictures of predictions."""

from __future__ import annotations

from .hook import MultiTaskVisualizationHook
from .multi_task_visualizer import MultiTaskVisualizer
from .palette import default_palette
from .task_view import TaskView, view_task

__all__ = ["MultiTaskVisualizationHook", "MultiTaskVisualizer", "TaskView", "default_palette", "view_task"]
