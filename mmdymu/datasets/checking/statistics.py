"""What the labels of a task hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ..task_spec import IGNORE_LABEL, TaskSpec


@dataclass
class LabelStatistics:
    """Sums over labels.

    Attributes:
        labels: Number of maps.
        missing: Images without a label.
        pixels: Pixels of the maps.
        valid: Pixels that count.
        histogram: (256,) pixels of each class; zeros for depth and normals.
        low: Least valid depth in metres, or least z of a valid normal; inf without one.
        high: Largest of the same; -inf without one.
    """

    labels: int = 0
    missing: int = 0
    pixels: int = 0
    valid: int = 0
    histogram: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def of(cls, label: np.ndarray, spec: TaskSpec) -> LabelStatistics:
        """Statistics of one map."""
        pixels = label.shape[0] * label.shape[1]
        if spec.kind == "label":
            histogram = np.bincount(label.ravel(), minlength=256)
            return cls(1, 0, pixels, pixels - int(histogram[IGNORE_LABEL]), histogram)
        valid = label.any(axis=2) if spec.kind == "normals" else label > 0
        values = (label[..., 2] if spec.kind == "normals" else label)[valid]
        if not values.size:
            return cls(1, 0, pixels)
        return cls(1, 0, pixels, values.size, low=float(values.min()), high=float(values.max()))

    def add(self, other: LabelStatistics) -> None:
        """Adds the sums of others."""
        self.labels += other.labels
        self.missing += other.missing
        self.pixels += other.pixels
        self.valid += other.valid
        self.histogram = self.histogram + other.histogram
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
