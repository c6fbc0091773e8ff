"""Hypernets: preferences in, branching decisions and norm parameters out."""

from .edge_hypernet import EdgeHypernet
from .embedding import PreferenceEmbedding
from .free_edges import FreeEdges
from .modulation import NormSlots, modulated_state, norm_slots
from .weight_hypernet import WeightHypernet

__all__ = [
    "EdgeHypernet",
    "FreeEdges",
    "NormSlots",
    "PreferenceEmbedding",
    "WeightHypernet",
    "modulated_state",
    "norm_slots",
]
