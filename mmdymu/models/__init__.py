"""Models: streams, the controllable backbone, hypernets, heads, losses, the segmentor and the classifier."""

from .backbones import ControllableBackbone, ResNet9
from .classifiers import ControllableClassifier
from .data_preprocessors import MultiTaskDataPreprocessor
from .heads import DepthHead, EdgesHead, NormalsHead, SaliencyHead
from .hypernets import EdgeHypernet, FreeEdges, WeightHypernet
from .losses import BranchingRegularizedLoss
from .segmentors import ControllableNet, ControllableSegmentor

__all__ = [
    "BranchingRegularizedLoss",
    "ControllableBackbone",
    "ControllableClassifier",
    "ControllableNet",
    "ControllableSegmentor",
    "DepthHead",
    "EdgeHypernet",
    "EdgesHead",
    "FreeEdges",
    "MultiTaskDataPreprocessor",
    "NormalsHead",
    "ResNet9",
    "SaliencyHead",
    "WeightHypernet",
]
