"""Hooks."""

from .checkpoint_hook import SafeCheckpointHook
from .preference_hook import PreferenceHook
from .stage_progress_hook import StageProgressHook

__all__ = ["PreferenceHook", "SafeCheckpointHook", "StageProgressHook"]
