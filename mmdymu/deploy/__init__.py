"""From a preference to a product: a fixed network, its description, and exports."""

from mmdymu.search.differences import relative_difference

from .choosing import choose
from .comparing import check_fixed
from .fixing import fix
from .onnx_format import OnnxNetwork, export_onnx
from .quantizing import quantize_onnx
from .torch_formats import export_pickle, export_program, export_torchscript

__all__ = [
    "OnnxNetwork",
    "check_fixed",
    "choose",
    "export_onnx",
    "export_pickle",
    "export_program",
    "export_torchscript",
    "fix",
    "quantize_onnx",
    "relative_difference",
]
