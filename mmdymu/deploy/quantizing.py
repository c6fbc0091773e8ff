"""Eight-bit networks: quantisation after training, through onnxruntime."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor

from mmdymu.whole_file import whole_file

from .files import MANIFEST, optional_package
from .onnx_format import OnnxNetwork

__all__ = ["quantize_onnx"]


def quantize_onnx(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    images: Iterable[Tensor],
    float_outputs: bool = True,
) -> None:
    """Writes an exported network with weights and activations of eight bits.

    Ranges of activations are those of the calibration images (``quantize_static``, one scale a channel for weights).

    Args:
        path: What :func:`~mmdymu.deploy.export_onnx` wrote.
        out: The file, written whole or not at all; its manifest says how many images calibrated it.
        images: Batches (B, 3, H, W) of training images, as the network takes them; a few dozen images are usual.
        float_outputs: Leave the last convolution of every head in floating point: depth and normals are read off its
            output, which eight bits would turn into steps.

    Raises:
        ModuleNotFoundError: If onnx or onnxruntime is missing.
        ValueError: If there are no images.
    """
    onnx = optional_package("onnx")
    quantization = optional_package("onnxruntime.quantization")
    manifest = OnnxNetwork(path).manifest
    batches = list(images)
    if not batches:
        raise ValueError("quantisation needs calibration images, got none")
    with TemporaryDirectory() as folder, whole_file(out) as temporary:
        prepared = Path(folder) / "prepared.onnx"
        quantization.quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        kept = _last_layers(onnx.load(prepared)) if float_outputs else []
        quantization.quantize_static(
            str(prepared), str(temporary), _Reader(batches), per_channel=True, nodes_to_exclude=kept
        )
        model = onnx.load(temporary)
        manifest["int8"] = {"calibration_images": sum(map(len, batches)), "float_outputs": float_outputs}
        onnx.helper.set_model_props(model, {MANIFEST: json.dumps(manifest)})
        onnx.checker.check_model(model)
        onnx.save(model, temporary)


class _Reader:
    """Hands batches to the calibration, as its ``CalibrationDataReader``."""

    def __init__(self, images: Iterable[Tensor]) -> None:
        self._batches: Iterator[Tensor] = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        """The next batch by the name of the network's input; None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {"images": batch.detach().cpu().numpy()}


def _last_layers(model: Any) -> list[str]:
    """Names of the last convolution or matrix product before each output."""
    makers = {name: node for node in model.graph.node for name in node.output}
    found = []
    for output in model.graph.output:
        node = makers.get(output.name)
        while node is not None and node.op_type not in ("Conv", "Gemm", "MatMul"):
            node = next((makers[name] for name in node.input if name in makers), None)
        if node is not None:
            found.append(node.name)
    return found
