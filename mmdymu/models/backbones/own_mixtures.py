"""Every task on its own way through soft mixtures of a layer's nodes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .controllable_backbone import ControllableBackbone
from .rows import Rows, take_rows

__all__ = ["run_own_mixtures"]


def run_own_mixtures(
    backbone: ControllableBackbone, x: Tensor, shares: Tensor, rows: Rows | None = None
) -> list[tuple[Tensor, ...]]:
    """Runs the super-net of BMTAS: task t's features after layer l are Σ_i shares[l, t, i] · node (l, i) of its own.

    In :meth:`ControllableBackbone.forward_soft` a node runs once, on one mixture for all tasks above it. Here it runs
    once for every task, on that task's features: N·N runs a layer, but N of the first, where all tasks have the same
    images. One-hot shares that follow a tree's paths give the
    tensors of that tree where norms use running statistics; in training a node normalises each task's features by
    themselves.

    Source: Brüggemann et al., "Automated Search for Resource-Efficient Branched Multi-Task Networks" (BMVC 2020).

    Args:
        backbone: The streams; node (l, i) is the i-th copy of layer l.
        x: (B, 3, H, W) images, normalised.
        shares: (L, N, N) = (layer, task, copy); rows sum to 1.
        rows: Per task the images that count for it; a task runs only these. None runs all images.

    Returns:
        For each task the features of the output layers, as heads expect them; () for a task without images.

    Raises:
        ValueError: If ``shares`` has another shape.
    """
    expected = (backbone.num_layers, backbone.num_streams, backbone.num_streams)
    if tuple(shares.shape) != expected:
        raise ValueError(f"shares must have the shape {expected} = (layers, tasks, copies), got {tuple(shares.shape)}")
    everything = range(len(x))
    wanted = [everything if rows is None else rows[task] for task in range(backbone.num_streams)]
    common = _run_layer(backbone, 0, x) if rows is None else None
    return [
        _run_task(backbone, common or _run_layer(backbone, 0, take_rows(x, everything, own)), shares[:, task])
        if own
        else ()
        for task, own in enumerate(wanted)
    ]


def _run_layer(backbone: ControllableBackbone, layer: int, x: Tensor) -> list[Tensor]:
    """What each copy of a layer makes of the same features."""
    return [backbone.run_node((layer, i), x) for i in range(backbone.num_streams)]


def _run_task(backbone: ControllableBackbone, first: Sequence[Tensor], shares: Tensor) -> tuple[Tensor, ...]:
    """The output layers' features of one task under its (L, N) shares; of layer 0, all copies' outputs are there."""
    features = [_mixture(first, shares[0])]
    for layer in range(1, len(shares)):
        features.append(_mixture(_run_layer(backbone, layer, features[-1]), shares[layer]))
    return tuple(x for layer, x in enumerate(features) if layer in backbone.out_layers)


def _mixture(outputs: Sequence[Tensor], shares: Tensor) -> Tensor:
    first, *others = (share * output for share, output in zip(shares, outputs, strict=True))
    return sum(others, first)
