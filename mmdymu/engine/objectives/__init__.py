"""Objectives of the training stages."""

from .anchor import AnchorObjective, TrunkObjective
from .base import StageObjective
from .edges import EdgeObjective
from .tree import TreeObjective
from .weights import WeightObjective

__all__ = [
    "AnchorObjective",
    "EdgeObjective",
    "StageObjective",
    "TreeObjective",
    "TrunkObjective",
    "WeightObjective",
]
