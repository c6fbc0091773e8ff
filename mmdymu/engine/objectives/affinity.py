"""Task affinity of an anchor on real images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmdymu.models import ControllableNet
from mmdymu.models.losses.functional import rsa_affinity

from ..frames import Batch


@torch.no_grad()
def anchor_affinity(model: ControllableNet, batches: Sequence[Batch]) -> Tensor:
    """How alike the anchor's streams see the same images (DYMU, section 4.3).

    Args:
        model: The anchor is run, in evaluation mode.
        batches: K training images in all.

    Returns:
        (N, N) affinities in [0, 1] (for N = 2 correlations, see :func:`rsa_affinity`).
    """
    outputs = [[batch.inputs] * model.num_tasks for batch in batches]
    affinities = []
    for layer in range(model.num_layers):
        # Layer by layer, because all layers of all images together would not fit into memory.
        outputs = [[model.backbone.run_node((layer, i), x) for i, x in enumerate(streams)] for streams in outputs]
        features = torch.stack([torch.cat([x.flatten(1) for x in images]) for images in zip(*outputs, strict=True)])
        affinities.append(rsa_affinity([features], scale_rows=model.num_tasks > 2))
    return torch.stack(affinities).mean(dim=0)
