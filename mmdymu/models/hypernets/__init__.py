"""Hypernets: preferences in, branching decisions and norm parameters out."""

from .edge_hypernet import EdgeHypernet
from .embedding import PreferenceEmbedding
from .modulation import NormSlots, modulated_state, norm_slots
from .weight_hypernet import WeightHypernet

__all__ = ["EdgeHypernet", "NormSlots", "PreferenceEmbedding", "WeightHypernet", "modulated_state", "norm_slots"]
