from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from test_deploy.nets import build, build_classifier, byte_images, difference, images, on_one_trunk
from torch import nn
from torch.fx import GraphModule

from mmdymu.deploy import export_pickle, export_program, export_torchscript, fix


@pytest.fixture(scope="module")
def network() -> GraphModule:
    return fix(on_one_trunk(build("resnet18", "FCNHead", ("semseg", "depth"))))


def test_pickle(network: GraphModule, tmp_path: Path) -> None:
    assert export_pickle(network, tmp_path / "new" / "network.pth") == 0
    loaded = torch.load(tmp_path / "new" / "network.pth", weights_only=False)
    assert difference(loaded(images()), network(images())) == 0
    assert loaded.manifest == network.manifest
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["network.pth"]


def test_torchscript(network: GraphModule, tmp_path: Path) -> None:
    assert export_torchscript(network, tmp_path / "network.pt") <= 1e-6
    extra = {"manifest.json": ""}
    loaded = torch.jit.load(tmp_path / "network.pt", _extra_files=extra)
    assert json.loads(extra["manifest.json"]) == network.manifest
    for x in (images(), images(3, (47, 61))):
        assert difference(loaded(x), network(x)) <= 1e-6


def test_program(network: GraphModule, tmp_path: Path) -> None:
    assert export_program(network, tmp_path / "network.pt2") <= 1e-4
    extra = {"manifest.json": ""}
    loaded = torch.export.load(tmp_path / "network.pt2", extra_files=extra).module(check_guards=False)
    assert json.loads(extra["manifest.json"]) == network.manifest
    # Sizes of every parity: strided layers meet odd and even ones.
    for x in (images(), images(1), images(3, (47, 61)), images(2, (33, 50)), images(2, (64, 39))):
        assert difference(loaded(x), network(x)) <= 1e-5


def test_program_with_processing(tmp_path: Path) -> None:
    preprocessor = {"type": "mmdymu.MultiTaskDataPreprocessor", "size_divisor": 32}
    model = on_one_trunk(build("resnet18", "FCNHead", ("semseg", "normals"), data_preprocessor=preprocessor))
    network = fix(model, preprocess=True, postprocess=True)
    assert export_program(network, tmp_path / "network.pt2") <= 1e-4
    loaded = torch.export.load(tmp_path / "network.pt2").module(check_guards=False)
    for size in ((32, 48), (35, 61)):
        found, wanted = loaded(byte_images(3, size)), network(byte_images(3, size))
        assert found["semseg"].shape == (3, 1, *size)
        assert difference({"normals": found["normals"]}, {"normals": wanted["normals"]}) <= 1e-4


def test_program_of_a_classifier(tmp_path: Path) -> None:
    network = fix(on_one_trunk(build_classifier()))
    assert export_program(network, tmp_path / "network.pt2") <= 1e-4
    loaded = torch.export.load(tmp_path / "network.pt2").module(check_guards=False)
    assert difference(loaded(images(5, (32, 32))), network(images(5, (32, 32)))) <= 1e-5


@pytest.mark.parametrize("export", [export_pickle, export_program, export_torchscript])
def test_other_networks_are_refused(export: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="got a Linear"):
        export(nn.Linear(1, 1), tmp_path / "network")
    assert not list(tmp_path.iterdir())


def test_a_file_that_fails_leaves_nothing(network: GraphModule, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "network.pth").write_text("before")

    def fail(_: object, path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        export_pickle(network, tmp_path / "network.pth")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]
