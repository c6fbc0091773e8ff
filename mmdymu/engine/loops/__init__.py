"""Train loops."""

from .stage import Stage, build_stages
from .stage_loop import StageTrainLoop
from .sweep_loop import PreferenceSweepLoop

__all__ = ["PreferenceSweepLoop", "Stage", "StageTrainLoop", "build_stages"]
