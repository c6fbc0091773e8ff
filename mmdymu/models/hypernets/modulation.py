"""Normalisation layers whose affine parameters a hypernet shifts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

NormSlots = tuple[tuple[str, int], ...]
"""Names of a module's affine normalisation layers with their numbers of channels."""


def norm_slots(module: nn.Module) -> NormSlots:
    """Lists the affine batch and group norms of a module.

    Args:
        module: A node, or a head.

    Returns:
        (name inside the module, number of channels), in the module's own order.
    """
    return tuple(
        (name, norm.weight.numel())
        for name, norm in module.named_modules()
        if isinstance(norm, (_BatchNorm, nn.GroupNorm)) and norm.weight is not None
    )


def modulated_state(module: nn.Module, slots: Sequence[tuple[str, int]], deltas: Tensor) -> dict[str, Tensor]:
    """Norm parameters after the shift: γ + Δγ and β + Δβ.

    Args:
        module: The module that the slots were listed from.
        slots: Its normalisation layers, C channels in all.
        deltas: (2, C), the shifts of γ and of β.

    Returns:
        The shifted parameters by name, as :func:`~mmdymu.models.replacing.with_tensors` takes them.
    """
    sizes = [size for _, size in slots]
    norms = [module.get_submodule(name) for name, _ in slots]
    state: dict[str, Tensor] = {}
    # One addition for all norms: hundreds of small ones would dominate the time of a preference change.
    for kind, delta in zip(("weight", "bias"), deltas, strict=True):
        shifted = torch.cat([getattr(norm, kind) for norm in norms]) + delta
        names = (f"{name}.{kind}" for name, _ in slots)
        state.update(zip(names, shifted.split(sizes), strict=True))
    return state
