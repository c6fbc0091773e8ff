"""Objectives of the training stages."""

from .anchor import AnchorObjective, TrunkObjective
from .base import StageObjective
from .bmtas import BMTASObjective
from .edges import EdgeObjective
from .ltb import LTBObjective
from .tree import TreeObjective
from .weights import WeightObjective

__all__ = [
    "AnchorObjective",
    "BMTASObjective",
    "EdgeObjective",
    "LTBObjective",
    "StageObjective",
    "TreeObjective",
    "TrunkObjective",
    "WeightObjective",
]
