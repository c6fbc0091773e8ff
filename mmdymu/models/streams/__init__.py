"""Streams: backbones of mmseg and mmpretrain, cut into nodes."""

from .build import build_stream
from .stream import Stream, Unit, copy_weights

__all__ = ["Stream", "Unit", "build_stream", "copy_weights"]
