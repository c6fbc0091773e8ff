"""The controllable segmentor."""

from .controllable_segmentor import ControllableSegmentor, Objective
from .selection import Selection

__all__ = ["ControllableSegmentor", "Objective", "Selection"]
