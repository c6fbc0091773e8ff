"""Train loops."""

from .stage import Stage, build_stages
from .stage_loop import StageTrainLoop

__all__ = ["Stage", "StageTrainLoop", "build_stages"]
