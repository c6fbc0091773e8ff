from __future__ import annotations

import json

import pytest
import torch
from mmengine.analysis import FlopAnalyzer
from test_deploy.nets import build, build_classifier, preferences
from torch import Tensor, nn

import mmdymu
from mmdymu.deploy import fix
from mmdymu.models import ControllableNet


class Listed(nn.Module):
    """Outputs as a tuple, which the counter can trace."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network(images).values())


@pytest.mark.parametrize("make", [build, build_classifier])
def test_costs_are_those_of_the_network(make) -> None:
    model: ControllableNet = make()
    for preference in preferences(model, 2):
        network = fix(model, preference, fold=False)
        manifest, tree = network.manifest, model.set_preference(preference)
        assert manifest["params"] == model.complexity.params(tree) == sum(p.numel() for p in network.parameters())
        assert manifest["stored_params"] == manifest["params"]
        analyzer = FlopAnalyzer(Listed(network), (torch.zeros(1, 3, *model.image_size),))
        analyzer.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        assert manifest["flops"] == model.complexity.flops(tree) == analyzer.total()
        folded = fix(model, preference)
        assert folded.manifest["params"] == manifest["params"]
        assert folded.manifest["stored_params"] == sum(p.numel() for p in folded.parameters()) < manifest["params"]


def test_entries() -> None:
    model = build()
    preference = preferences(model, 1)[0]
    classes = {"semseg": ("wall", "floor", "bed", "other")}
    manifest = fix(model, preference, classes=classes, preprocess=True).manifest
    assert json.loads(json.dumps(manifest)) == manifest
    assert manifest["tasks"] == ["semseg", "depth", "normals"]
    assert manifest["classes"] == {"semseg": ["wall", "floor", "bed", "other"]}
    assert manifest["preference"] == dict(zip(model.tasks, preference.weights, strict=True))
    assert manifest["cost_weight"] == preference.cost_weight
    tree = model.predict_tree(preference)
    assert manifest["tree"]["parents"] == [list(row) for row in tree.parents]
    assert manifest["tree"]["paths"]["depth"] == list(tree.paths[1])
    assert manifest["tree"]["drawing"] == tree.draw(model.tasks)
    assert manifest["image_size"] == [32, 48]
    assert manifest["input"] == {
        "mean": [127.5] * 3, "std": [64.0] * 3, "reverse_channels": False, "size_divisor": None, "pad_value": 0.0
    }  # fmt: skip
    assert (manifest["preprocess"], manifest["postprocess"], manifest["budget"]) == (True, False, None)
    assert manifest["versions"]["mmdymu"] == mmdymu.__version__
    assert set(manifest["versions"]) == {"mmdymu", "torch", "mmengine", "mmcv", "mmseg", "mmpretrain"}


def test_classes_of_other_tasks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"classes names the tasks \['edges'\]"):
        fix(build(), classes={"edges": ["edge"]})


def test_classes_of_the_models_data_are_the_default() -> None:
    model = build()
    assert fix(model).manifest["classes"] == {}
    model.dataset_meta = {"tasks": {"semseg": {"kind": "label", "classes": ("wall", "floor")}, "depth": {}}}
    assert fix(model).manifest["classes"] == {"semseg": ["wall", "floor"]}
    assert fix(model, classes={"semseg": ("a", "b")}).manifest["classes"] == {"semseg": ["a", "b"]}
    assert fix(model, classes={}).manifest["classes"] == {}
