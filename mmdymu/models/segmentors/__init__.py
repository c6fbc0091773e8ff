"""The controllable segmentor, and what it has in common with other controllable networks."""

from .anchor_net import AnchorNet
from .controllable_net import ControllableNet
from .controllable_segmentor import ControllableSegmentor
from .objective import Objective
from .selection import Selection

__all__ = ["AnchorNet", "ControllableNet", "ControllableSegmentor", "Objective", "Selection"]
