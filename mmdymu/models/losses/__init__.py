"""Losses: branching regularisers, task affinity, expected cost, and losses of dense tasks."""

from .dense import depth_loss, normals_loss, weighted_bce_loss
from .functional import active_loss, active_tasks, inactive_loss, node_usage, rsa_affinity
from .regularizer import BranchingRegularizedLoss
from .usage import expected_share, expected_usage

__all__ = [
    "BranchingRegularizedLoss",
    "active_loss",
    "active_tasks",
    "depth_loss",
    "expected_share",
    "expected_usage",
    "inactive_loss",
    "node_usage",
    "normals_loss",
    "rsa_affinity",
    "weighted_bce_loss",
]
