"""Files that torch alone can run."""

from __future__ import annotations

import copy
import json
import os
import warnings

import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.fx import GraphModule

from .files import MANIFEST, whole_file
from .samples import example_images, manifest_of, takes_any_size

__all__ = ["export_pickle", "export_program", "export_torchscript"]


def export_pickle(network: GraphModule, path: str | os.PathLike[str]) -> None:
    """Saves a fixed network; ``torch.load(path, weights_only=False)`` needs nothing but torch.

    Args:
        network: From :func:`~mmdymu.deploy.fix`; its manifest goes along.
        path: The file, written whole or not at all.
    """
    manifest_of(network)
    with whole_file(path) as temporary:
        torch.save(network, temporary)


def export_torchscript(network: GraphModule, path: str | os.PathLike[str]) -> None:
    """Saves a fixed network as TorchScript, for ``torch.jit.load`` and LibTorch; batch and size are free.

    Args:
        network: From :func:`~mmdymu.deploy.fix`; its manifest lies in the file as ``manifest.json``
            (``_extra_files``).
        path: The file, written whole or not at all.
    """
    manifest = json.dumps(manifest_of(network), indent=2)
    with warnings.catch_warnings():
        # torch deprecates TorchScript in favour of torch.export; who asks for it knows why.
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted = torch.jit.script(network)
        with whole_file(path) as temporary:
            torch.jit.save(scripted, temporary, _extra_files={MANIFEST: manifest})


def export_program(network: GraphModule, path: str | os.PathLike[str]) -> None:
    """Saves a fixed network with ``torch.export``, for ``torch.export.load`` and AOTInductor.

    Batch and size are free, but a classifier's size. torch records the parity of what a strided pool sees as a
    condition, so such pools become pools of stride 1 whose output is strided: the same numbers.

    Args:
        network: From :func:`~mmdymu.deploy.fix`; its manifest lies in the file as ``manifest.json``
            (``extra_files``).
        path: The file, written whole or not at all.
    """
    manifest = json.dumps(manifest_of(network), indent=2)
    images = example_images(network)
    free = {0: Dim.DYNAMIC}
    if takes_any_size(network):
        free.update({2: Dim.DYNAMIC, 3: Dim.DYNAMIC})
        network = _with_free_pools(network)
    program = torch.export.export(network, (images,), dynamic_shapes=(free,))
    with whole_file(path) as temporary:
        torch.export.save(program, temporary, extra_files={MANIFEST: manifest})


class _FreePool(nn.Module):
    """Max pooling by a strided view of the pool of stride 1."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.pool = copy.copy(pool)
        self.rows, self.columns = _pair(pool.stride)
        self.pool.stride = 1

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) from (B, C, H, W)."""
        return self.pool(x)[:, :, :: self.rows, :: self.columns]


def _with_free_pools(network: GraphModule) -> GraphModule:
    copied = GraphModule(network, copy.deepcopy(network.graph))
    for name, pool in list(network.named_modules()):
        if isinstance(pool, nn.MaxPool2d) and not pool.ceil_mode and _pair(pool.stride) != (1, 1):
            copied.set_submodule(name, _FreePool(pool))
    return copied.eval()


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
