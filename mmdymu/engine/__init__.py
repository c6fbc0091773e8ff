"""Training stages, hooks and calibration."""

from .balancing import TaskBalancedSampler
from .calibration import calibrate
from .frames import Batch, Frames
from .hooks import PreferenceHook, SafeCheckpointHook, StageProgressHook
from .loops import PreferenceSweepLoop, StageTrainLoop
from .objectives import (
    AnchorObjective,
    BMTASObjective,
    EdgeObjective,
    LTBObjective,
    TreeObjective,
    TrunkObjective,
    WeightObjective,
)

__all__ = [
    "AnchorObjective",
    "BMTASObjective",
    "Batch",
    "EdgeObjective",
    "Frames",
    "LTBObjective",
    "PreferenceHook",
    "PreferenceSweepLoop",
    "SafeCheckpointHook",
    "StageProgressHook",
    "StageTrainLoop",
    "TaskBalancedSampler",
    "TreeObjective",
    "TrunkObjective",
    "WeightObjective",
    "calibrate",
]
