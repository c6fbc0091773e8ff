"""Images to trace and to check a fixed network with, and how far two results are apart."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule

from mmdymu.search.differences import check_shapes, largest, tensor_difference

__all__ = [
    "allowed_difference",
    "check_copy",
    "example_images",
    "manifest_of",
    "on_cpu",
    "takes_any_size",
]

TOLERANCE = 1e-4
"""Largest relative difference between a float32 network and what was written of it."""

LABEL_SHARE = 0.01
"""Largest share of labels that differ. Where two classes are equally likely but for rounding, either may win; that is
some pixels in a thousand, along borders, while another network gives other labels over whole areas."""


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


def allowed_difference(kind: torch.dtype) -> float:
    """Largest relative difference of two ways to compute a network in a floating type.

    It is 1e-4, or ten units in the last place where those are larger: sums are taken in other orders, and each layer
    rounds again.
    """
    return max(TOLERANCE, 10 * torch.finfo(kind).eps)


@torch.no_grad()
def check_copy(network: GraphModule, copied: Callable[[Tensor], Mapping[str, Tensor]]) -> float:
    """Compares a network with a copy that runs in another way, in two batches and, where it is free, two sizes.

    Both run on the CPU, as a GPU may round products to fewer digits (TF32).

    Args:
        network: From :func:`~mmdymu.deploy.fix`.
        copied: Takes the same images and gives the same outputs.

    Returns:
        The largest relative difference of floats; labels count as :func:`_check_labels` says.

    Raises:
        RuntimeError: If tasks, shapes or types differ, or values by more than :func:`allowed_difference`; NaN differs
            from everything.
    """
    network = on_cpu(network)
    allowed, worst = allowed_difference(next(network.parameters()).dtype), 0.0
    for batch, shrink in ((2, 0), (3, 5 if takes_any_size(network) else 0)):
        images = example_images(network, batch, shrink)
        wanted, found = network(images), copied(images)
        _check_kinds(found, wanted)
        for task, output in wanted.items():
            if output.is_floating_point():
                worst = largest((worst, tensor_difference(found[task], output)))
            else:
                _check_labels(task, found[task], output)
    if not worst <= allowed:
        message = f"the written network's results differ by {worst:.1e}, allowed are {allowed:.1e}: report this"
        raise RuntimeError(message)
    return worst


def on_cpu(network: GraphModule) -> GraphModule:
    """The network, or a copy of it if it is on another device."""
    device = next(network.parameters()).device
    return network if device.type == "cpu" else copy.deepcopy(network).cpu()


def _check_kinds(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    try:
        check_shapes(found, wanted)
    except ValueError as error:
        raise RuntimeError(f"the written network's {error}: report this") from error
    for task, output in wanted.items():
        if found[task].dtype != output.dtype:
            raise RuntimeError(
                f"{task}: the written network gives {found[task].dtype} in place of {output.dtype}: report this"
            )


def _check_labels(task: str, found: Tensor, wanted: Tensor) -> None:
    differing = float((found != wanted).double().mean())
    if not differing <= LABEL_SHARE:
        raise RuntimeError(
            f"{task}: {differing:.1%} of the written network's labels differ, allowed are {LABEL_SHARE:.0%}: "
            "report this"
        )
