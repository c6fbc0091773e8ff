"""High-level entries."""

from .checkpoints import load_weights
from .control import ControlSettings, measure_control, summary
from .inference import inference, init_model
from .multi_task_inferencer import MultiTaskInferencer
from .network_metrics import check_test, network_metrics

__all__ = [
    "ControlSettings",
    "MultiTaskInferencer",
    "check_test",
    "inference",
    "init_model",
    "load_weights",
    "measure_control",
    "network_metrics",
    "summary",
]
