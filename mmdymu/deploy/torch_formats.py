"""Files that torch alone can run."""

from __future__ import annotations

import json
import os
import warnings

import torch
from torch import nn
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule

from mmdymu.whole_file import whole_file

from .files import MANIFEST
from .samples import check_copy, example_images, manifest_of, takes_any_size

__all__ = ["export_pickle", "export_program", "export_torchscript"]


def export_pickle(network: GraphModule, path: str | os.PathLike[str]) -> float:
    """Saves a fixed network; ``torch.load(path, weights_only=False)`` needs nothing but torch.

    Args:
        network: From :func:`~mmdymu.deploy.fix`; its manifest goes along.
        path: The file, written whole or not at all.

    Returns:
        The largest relative difference of the file's results from the network's, see
        :func:`~mmdymu.deploy.samples.check_copy`.
    """
    manifest_of(network)
    with whole_file(path) as temporary:
        torch.save(network, temporary)
        return check_copy(network, torch.load(temporary, "cpu", weights_only=False))


def export_torchscript(network: GraphModule, path: str | os.PathLike[str]) -> float:
    """Saves a fixed network as TorchScript, for ``torch.jit.load`` and LibTorch; batch and size are free.

    Args:
        network: From :func:`~mmdymu.deploy.fix`; its manifest lies in the file as ``manifest.json``
            (``_extra_files``).
        path: The file, written whole or not at all.

    Returns:
        The largest relative difference of the file's results from the network's, see
        :func:`~mmdymu.deploy.samples.check_copy`.
    """
    manifest = json.dumps(manifest_of(network), indent=2)
    with warnings.catch_warnings():
        # torch deprecates TorchScript in favour of torch.export, and warns of names in its own layers.
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(network)
        with whole_file(path) as temporary:
            torch.jit.save(scripted, temporary, _extra_files={MANIFEST: manifest})
            return check_copy(network, torch.jit.load(temporary, "cpu"))


def export_program(network: GraphModule, path: str | os.PathLike[str]) -> float:
    """Saves a fixed network with ``torch.export``, for ``torch.export.load`` and AOTInductor.

    Batch and size are free, but a classifier's size. torch notes what its shape functions asked about the example's
    size, such as the parity of what a strided pool sees; the graph does not depend on it, so run the program with
    ``torch.export.load(path).module(check_guards=False)``.

    Args:
        network: From :func:`~mmdymu.deploy.fix`; its manifest lies in the file as ``manifest.json``
            (``extra_files``).
        path: The file, written whole or not at all.

    Returns:
        The largest relative difference of the file's results from the network's, see
        :func:`~mmdymu.deploy.samples.check_copy`.
    """
    manifest = json.dumps(manifest_of(network), indent=2)
    free = {0: Dim.DYNAMIC}
    if takes_any_size(network):
        free.update({2: Dim.DYNAMIC, 3: Dim.DYNAMIC})
    with warnings.catch_warnings():
        # torch warns of how it stores the weights.
        warnings.simplefilter("ignore")
        program = torch.export.export(network, (example_images(network),), dynamic_shapes=(free,))
        with whole_file(path) as temporary:
            torch.export.save(program, temporary, extra_files={MANIFEST: manifest})
            return check_copy(network, _module_on_cpu(torch.export.load(temporary)))


def _module_on_cpu(program: ExportedProgram) -> nn.Module:
    if any(value.device.type != "cpu" for value in program.state_dict.values()):
        # Checks in the graph name the device that it was exported on, so moving the weights alone is not enough.
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, "cpu")
    return program.module(check_guards=False)
