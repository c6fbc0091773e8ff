"""The controllable backbone, and ResNet-9, which sibling libraries lack."""

from .controllable_backbone import ControllableBackbone, Node, NodeStates
from .own_mixtures import run_own_mixtures
from .resnet9 import ResNet9
from .rows import Rows

__all__ = ["ControllableBackbone", "Node", "NodeStates", "ResNet9", "Rows", "run_own_mixtures"]
