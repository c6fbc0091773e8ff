from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from test_deploy.nets import build, build_classifier, byte_images, difference, images, on_one_trunk
from torch.fx import GraphModule

from mmdymu.deploy import OnnxNetwork, export_onnx, fix, quantize_onnx

onnx = pytest.importorskip("onnx", reason="needs requirements/export.txt")
for package in ("onnxscript", "onnxruntime"):
    pytest.importorskip(package, reason="needs requirements/export.txt")


@pytest.fixture(scope="module")
def network() -> GraphModule:
    """One trunk: what takes time is the number of layers."""
    kinds = {"semseg": "FCNHead", "depth": "DepthwiseSeparableASPPHead"}
    return fix(on_one_trunk(build("resnet18", kinds, tuple(kinds))))


@pytest.fixture(scope="module")
def file(network: GraphModule, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "network.onnx"
    assert export_onnx(network, path) <= 1e-4
    assert [other.name for other in path.parent.iterdir()] == ["network.onnx"]
    return path


def test_onnxruntime_equals_the_network(network: GraphModule, file: Path) -> None:
    written = OnnxNetwork(file)
    assert written.manifest == network.manifest
    for x in (images(), images(1, (33, 50)), images(3, (64, 39))):
        assert difference(written(x), network(x)) <= 1e-4


def test_names_and_free_axes(file: Path) -> None:
    model = onnx.load(file)
    (images_in,) = model.graph.input
    assert images_in.name == "images"
    assert [axis.dim_param or axis.dim_value for axis in images_in.type.tensor_type.shape.dim] == [
        "batch", 3, "height", "width"
    ]  # fmt: skip
    assert [output.name for output in model.graph.output] == ["semseg", "depth"]
    assert {entry.domain: entry.version for entry in model.opset_import}[""] == 18


def test_processing_in_the_file(tmp_path: Path) -> None:
    preprocessor = {"type": "mmdymu.MultiTaskDataPreprocessor", "mean": [120.0] * 3, "std": [60.0] * 3}
    padded = {**preprocessor, "size_divisor": 32}
    model = on_one_trunk(build("resnet18", "FCNHead", ("semseg", "normals"), data_preprocessor=padded))
    network = fix(model, preprocess=True, postprocess=True)
    assert export_onnx(network, tmp_path / "network.onnx", opset=20) <= 1e-4
    x = byte_images(1, (35, 61))
    found, wanted = OnnxNetwork(tmp_path / "network.onnx")(x), network(x)
    assert (found["semseg"] == wanted["semseg"]).float().mean() > 0.99
    assert difference({"normals": found["normals"]}, {"normals": wanted["normals"]}) <= 1e-4


def test_a_classifier(tmp_path: Path) -> None:
    network = fix(on_one_trunk(build_classifier()))
    assert export_onnx(network, tmp_path / "network.onnx") <= 1e-4
    x = images(5, (32, 32))
    assert difference(OnnxNetwork(tmp_path / "network.onnx")(x), network(x)) <= 1e-4


@pytest.mark.parametrize("float_outputs", [True, False])
def test_eight_bits(network: GraphModule, file: Path, tmp_path: Path, float_outputs: bool) -> None:
    batches = [images(4, seed=seed) for seed in range(2)]
    quantize_onnx(file, tmp_path / "int8.onnx", batches, float_outputs)
    quantized = OnnxNetwork(tmp_path / "int8.onnx")
    assert quantized.manifest["int8"] == {"calibration_images": 8, "float_outputs": float_outputs}
    found, wanted = quantized(batches[0]), network(batches[0])
    assert 1e-6 < difference(found, wanted) < 0.5
    weights = {tensor.data_type for tensor in onnx.load(tmp_path / "int8.onnx").graph.initializer}
    assert onnx.TensorProto.INT8 in weights


def test_quantisation_needs_images(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs calibration images"):
        quantize_onnx(file, tmp_path / "int8.onnx", [])


def test_bad_input(network: GraphModule, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="opset=11 is too old"):
        export_onnx(network, tmp_path / "network.onnx", opset=11)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        OnnxNetwork(tmp_path / "network.onnx")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    other = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value], [other])
    foreign = onnx.helper.make_model(graph, ir_version=10, opset_imports=[onnx.helper.make_opsetid("", 18)])
    onnx.save(foreign, tmp_path / "foreign.onnx")
    with pytest.raises(ValueError, match="was not written by export_onnx"):
        OnnxNetwork(tmp_path / "foreign.onnx")


def test_a_wrong_file_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = fix(on_one_trunk(build_classifier(("fish", "trees"))))
    monkeypatch.setattr(OnnxNetwork, "__call__", lambda self, x: {t: 2 * y for t, y in network(x).items()})
    with pytest.raises(RuntimeError, match="the written network's results differ by"):
        export_onnx(network, tmp_path / "network.onnx")
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(network: GraphModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install -r requirements/export\.txt"):
        export_onnx(network, tmp_path / "network.onnx")


def test_half_precision(tmp_path: Path) -> None:
    preprocessor = {"type": "mmdymu.MultiTaskDataPreprocessor", "mean": [120.0] * 3, "std": [60.0] * 3}
    model = on_one_trunk(build("resnet18", "FCNHead", ("semseg", "depth"), data_preprocessor=preprocessor))
    network = fix(model, preprocess=True).half()
    # Rounding is more than what float32 is allowed, so this would be refused without a tolerance of its own.
    assert 1e-4 < export_onnx(network, tmp_path / "network.onnx") < 1e-2
    assert OnnxNetwork(tmp_path / "network.onnx")(byte_images())["depth"].dtype == torch.float16
