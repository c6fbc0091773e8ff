"""Hooks."""

from .checkpoint_hook import SafeCheckpointHook
from .preference_hook import PreferenceHook

__all__ = ["PreferenceHook", "SafeCheckpointHook"]
