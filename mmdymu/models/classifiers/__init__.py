"""The controllable classifier."""

from .controllable_classifier import ControllableClassifier

__all__ = ["ControllableClassifier"]
