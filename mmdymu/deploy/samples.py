"""Images to trace and to check a fixed network with, and how far two results are apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule

__all__ = ["check_copy", "example_images", "manifest_of", "relative_difference", "takes_any_size"]

TOLERANCE = 1e-4
"""Largest relative difference between a network and what was written of it."""


def manifest_of(network: GraphModule) -> dict[str, Any]:
    """What the network is.

    Raises:
        TypeError: If it does not come from :func:`mmdymu.deploy.fix`.
    """
    manifest = getattr(network, "manifest", None)
    if not isinstance(network, GraphModule) or not isinstance(manifest, dict):
        raise TypeError(f"a network that mmdymu.deploy.fix returned is exported, got a {type(network).__name__}")
    return manifest


def example_images(network: GraphModule, batch: int = 2, shrink: int = 0) -> Tensor:
    """Random images of the kind that the network takes.

    Args:
        network: From :func:`~mmdymu.deploy.fix`.
        batch: Number of images.
        shrink: So many rows and columns fewer than the manifest's image size.

    Returns:
        (B, 3, H, W), bytes if the network preprocesses, else floats, on the network's device.
    """
    manifest = manifest_of(network)
    parameter = next(network.parameters())
    height, width = (side - shrink for side in manifest["image_size"])
    generator = torch.Generator().manual_seed(0)
    if manifest["preprocess"]:
        return torch.randint(0, 256, (batch, 3, height, width), dtype=torch.uint8, generator=generator).to(
            parameter.device
        )
    return torch.randn(batch, 3, height, width, generator=generator).to(parameter)


def takes_any_size(network: GraphModule) -> bool:
    """Whether images of other sizes fit: maps follow them, but a classifier may count on its size."""
    with torch.no_grad():
        return all(output.dim() == 4 for output in network(example_images(network, batch=1)).values())


def relative_difference(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> float:
    """Largest difference of any task, as a share of the task's largest absolute value.

    Raises:
        ValueError: If tasks or shapes differ.
    """
    if list(found) != list(wanted):
        raise ValueError(f"outputs are of tasks {list(found)} and {list(wanted)}")
    worst = 0.0
    for task, output in wanted.items():
        if found[task].shape != output.shape:
            raise ValueError(f"{task}: outputs have shapes {tuple(found[task].shape)} and {tuple(output.shape)}")
        difference = (found[task].double() - output.double()).abs().max()
        worst = max(worst, float(difference / output.double().abs().max().clamp(min=1e-12)))
    return worst


def check_copy(network: GraphModule, copy: Callable[[Tensor], Mapping[str, Tensor]]) -> float:
    """Compares a network with a copy that runs in another way, in two batches and, where it is free, two sizes.

    Args:
        network: From :func:`~mmdymu.deploy.fix`.
        copy: Takes the same images and gives the same outputs.

    Returns:
        The largest relative difference. Labels may differ where two classes are equally likely, so of final maps only
        the floats count.

    Raises:
        RuntimeError: If the difference is larger than 1e-4.
    """
    worst = 0.0
    for batch, shrink in ((2, 0), (3, 5 if takes_any_size(network) else 0)):
        images = example_images(network, batch, shrink)
        with torch.no_grad():
            wanted = {task: output.cpu() for task, output in network(images).items() if output.is_floating_point()}
            found = copy(images)
        worst = max(worst, relative_difference({task: found[task].cpu() for task in wanted}, wanted))
    if not worst <= TOLERANCE:
        raise RuntimeError(f"the written network's results differ by {worst:.1e}, allowed are {TOLERANCE}: report this")
    return worst
