"""High-level entries."""

from .checkpoints import load_weights
from .control import ControlSettings, measure_control, summary
from .inference import inference, init_model
from .multi_task_inferencer import MultiTaskInferencer

__all__ = [
    "ControlSettings",
    "MultiTaskInferencer",
    "inference",
    "init_model",
    "load_weights",
    "measure_control",
    "summary",
]
