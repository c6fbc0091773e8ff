"""The controllable segmentor."""

from .anchor_net import AnchorNet
from .controllable_segmentor import ControllableSegmentor
from .objective import Objective
from .selection import Selection

__all__ = ["AnchorNet", "ControllableSegmentor", "Objective", "Selection"]
