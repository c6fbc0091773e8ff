"""Hypernets: preferences in, branching decisions and tensors of nodes and heads out; and a tree in their place."""

from .chunk_plan import ChunkPlan
from .chunked_hypernet import ChunkedHypernet
from .edge_hypernet import EdgeHypernet
from .embedding import PreferenceEmbedding
from .fixed_edges import FixedEdges
from .free_edges import FreeEdges
from .modulation import NormSlots, modulated_state, norm_slots
from .state_hypernet import StateHypernet
from .weight_hypernet import WeightHypernet

__all__ = [
    "ChunkPlan",
    "ChunkedHypernet",
    "EdgeHypernet",
    "FixedEdges",
    "FreeEdges",
    "NormSlots",
    "PreferenceEmbedding",
    "StateHypernet",
    "WeightHypernet",
    "modulated_state",
    "norm_slots",
]
