"""Models: streams, the controllable backbone, hypernets, heads, losses, the segmentor."""

from .backbones import ControllableBackbone, ResNet9
from .data_preprocessors import MultiTaskDataPreprocessor
from .heads import DepthHead, EdgesHead, NormalsHead, SaliencyHead
from .hypernets import EdgeHypernet, WeightHypernet
from .losses import BranchingRegularizedLoss
from .segmentors import ControllableSegmentor

__all__ = [
    "BranchingRegularizedLoss",
    "ControllableBackbone",
    "ControllableSegmentor",
    "DepthHead",
    "EdgeHypernet",
    "EdgesHead",
    "MultiTaskDataPreprocessor",
    "NormalsHead",
    "ResNet9",
    "SaliencyHead",
    "WeightHypernet",
]
