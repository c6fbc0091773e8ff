"""Task affinity of an anchor on real images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmdymu.models import ControllableSegmentor
from mmdymu.models.losses.functional import rsa_affinity

from ..frames import Batch


@torch.no_grad()
def anchor_affinity(model: ControllableSegmentor, batches: Sequence[Batch]) -> Tensor:
    """How alike the anchor's streams see the same images (DYMU, section 4.3).

    Args:
        model: The anchor is run, in evaluation mode.
        batches: K training images in all.

    Returns:
        (N, N) affinities in [0, 1] (for N = 2 correlations, see :func:`rsa_affinity`).
    """
    layers: list[list[Tensor]] = [[] for _ in range(model.num_layers)]
    for batch in batches:
        outputs = [batch.inputs] * model.num_tasks
        for layer, collected in enumerate(layers):
            outputs = [model.backbone.run_node((layer, i), outputs[i]) for i in range(model.num_tasks)]
            collected.append(torch.stack([output.flatten(1) for output in outputs]))
    features = [torch.cat(collected, dim=1) for collected in layers]
    return rsa_affinity(features, scale_rows=model.num_tasks > 2)
