"""The controllable backbone."""

from .controllable_backbone import ControllableBackbone, Node, NodeStates

__all__ = ["ControllableBackbone", "Node", "NodeStates"]
