"""Models: streams, the controllable backbone, hypernets, heads, losses, the segmentor and the classifier."""

from .backbones import ControllableBackbone, ResNet9
from .classifiers import ControllableClassifier
from .data_preprocessors import MultiTaskDataPreprocessor
from .heads import DepthHead, EdgesHead, NormalsHead, SaliencyHead
from .hypernets import ChunkedHypernet, EdgeHypernet, FixedEdges, FreeEdges, WeightHypernet
from .losses import BranchingRegularizedLoss
from .segmentors import ControllableNet, ControllableSegmentor

__all__ = [
    "BranchingRegularizedLoss",
    "ChunkedHypernet",
    "ControllableBackbone",
    "ControllableClassifier",
    "ControllableNet",
    "ControllableSegmentor",
    "DepthHead",
    "EdgeHypernet",
    "EdgesHead",
    "FixedEdges",
    "FreeEdges",
    "MultiTaskDataPreprocessor",
    "NormalsHead",
    "ResNet9",
    "SaliencyHead",
    "WeightHypernet",
]
