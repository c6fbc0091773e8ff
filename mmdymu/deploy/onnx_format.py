"""Fixed networks as ONNX files, and ONNX files as networks."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule

from mmdymu.whole_file import whole_file

from .files import MANIFEST, optional_package
from .samples import check_copy, example_images, manifest_of, takes_any_size

__all__ = ["OnnxNetwork", "export_onnx"]


def export_onnx(network: GraphModule, path: str | os.PathLike[str], opset: int = 18, check: bool = True) -> float:
    """Writes a fixed network as ONNX; batch and size are free, but a classifier's size.

    The input is called ``images``, the outputs are called after the tasks. The manifest is the model's property
    ``manifest.json``.

    Args:
        network: From :func:`~mmdymu.deploy.fix`.
        path: The file, written whole or not at all.
        opset: Version of ONNX's operators; 18 is the first that torch's exporter writes.
        check: Compare onnxruntime's results with the network's, also in another batch and size.

    Returns:
        The largest relative difference found; NaN without the check.

    Raises:
        ModuleNotFoundError: If onnx, onnxscript or onnxruntime is missing.
        ValueError: If ``opset`` is below 18.
        RuntimeError: If the results differ by more than 1e-4 (1e-2 in half precision), or an operator cannot be
            written.
    """
    manifest = manifest_of(network)
    if opset < 18:
        raise ValueError(f"opset={opset} is too old, torch's exporter writes 18 and later")
    onnx = optional_package("onnx")
    optional_package("onnxscript")
    model = _convert(network, manifest, opset)
    onnx.helper.set_model_props(model, {MANIFEST: json.dumps(manifest)})
    onnx.checker.check_model(model)
    with whole_file(path) as temporary:
        onnx.save(model, temporary)
        return check_copy(network, OnnxNetwork(temporary)) if check else float("nan")


def _convert(network: GraphModule, manifest: dict[str, Any], opset: int) -> Any:
    free = {0: "batch"}
    if takes_any_size(network):
        free.update({2: "height", 3: "width"})
    with warnings.catch_warnings():
        # The exporter warns about its own use of torch.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (example_images(network),),
            input_names=["images"],
            output_names=manifest["tasks"],
            dynamic_shapes=(free,),
            opset_version=opset,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


class OnnxNetwork:
    """Runs an exported network on the CPU: called with images, it returns what the fixed network returns.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If no manifest lies in it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        runtime = optional_package("onnxruntime")
        if not os.path.isfile(path):
            raise FileNotFoundError(f"ONNX file {os.fspath(path)!r} does not exist")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session = runtime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
        properties = self._session.get_modelmeta().custom_metadata_map
        if MANIFEST not in properties:
            raise ValueError(f"{os.fspath(path)!r} has no property {MANIFEST!r}: it was not written by export_onnx")
        self.manifest: dict[str, Any] = json.loads(properties[MANIFEST])

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Outputs by task, on the CPU, from (B, 3, H, W)."""
        outputs = self._session.run(self.manifest["tasks"], {"images": images.detach().cpu().numpy()})
        return {task: torch.from_numpy(output) for task, output in zip(self.manifest["tasks"], outputs, strict=True)}
