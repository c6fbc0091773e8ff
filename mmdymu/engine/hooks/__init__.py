"""Hooks."""

from .checkpoint_hook import SafeCheckpointHook
from .preference_hook import PreferenceHook
from .stage_progress_hook import StageProgressHook
from .stage_record_hook import StageRecordHook

__all__ = ["PreferenceHook", "SafeCheckpointHook", "StageProgressHook", "StageRecordHook"]
