"""Arrays of every kind of task, and files that the data sets of this package read back."""

from __future__ import annotations

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from torch.nn import functional

from mmdymu.apis.predictions import as_arrays, as_file
from mmdymu.datasets.loading import read_label
from mmdymu.datasets.task_spec import TaskSpec


def dense(**fields: torch.Tensor) -> SegDataSample:
    sample = SegDataSample()
    sample.set_data({name: PixelData(data=value) for name, value in fields.items()})
    return sample


def stored(path: Path, prediction: dict, spec: dict) -> np.ndarray:
    """What a data set reads out of a prediction's file."""
    suffix, content = as_file(prediction)
    file = path / f"x{suffix}"
    file.write_bytes(content)
    return read_label(str(file), TaskSpec.from_config("x", spec), None)


@pytest.mark.parametrize(("classes", "dtype"), [(5, np.uint8), (256, np.uint8), (300, np.uint16)])
def test_labels(tmp_path: Path, classes: int, dtype: type) -> None:
    logits = torch.randn(classes, 4, 6)
    label = logits.argmax(0, keepdim=True)
    found = as_arrays(dense(seg_logits=logits, pred_sem_seg=label))
    assert found["kind"] == "label"
    assert found["map"].dtype == dtype
    assert np.array_equal(found["map"], label[0].numpy())
    for map_format in ("png", "npy"):
        suffix, content = as_file(found, map_format)
        assert suffix == ".png"
        assert np.array_equal(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED), found["map"])
    if classes == 5:
        spec = {"kind": "label", "classes": tuple("abcde")}
        assert np.array_equal(stored(tmp_path, found, spec), found["map"])


def test_depth(tmp_path: Path) -> None:
    metres = torch.tensor([[[0.0, 0.0004, 1.2345, 65.535, 80.0]]])
    found = as_arrays(dense(pred_depth_map=metres))
    assert found["kind"] == "depth"
    assert np.array_equal(found["map"], metres[0].numpy())
    read = stored(tmp_path, found, {"kind": "depth", "scale": 0.001})
    np.testing.assert_allclose(read, [[0, 0, 1.234, 65.535, 65.535]], atol=6e-4)
    suffix, content = as_file(found, "npy")
    assert suffix == ".npy"
    assert np.array_equal(np.load(io.BytesIO(content)), found["map"])


def test_normals(tmp_path: Path) -> None:
    vectors = functional.normalize(torch.randn(3, 5, 7), dim=0)
    found = as_arrays(dense(pred_normals=vectors))
    assert found["kind"] == "normals"
    assert np.array_equal(found["map"], vectors.permute(1, 2, 0).numpy())
    np.testing.assert_allclose(stored(tmp_path, found, {"kind": "normals"}), found["map"], atol=0.01)


def test_probabilities() -> None:
    values = torch.rand(1, 4, 6)
    found = as_arrays(dense(seg_logits=values, pred_sem_seg=(values > 0.5).long()))
    assert found["kind"] == "probability"
    assert np.array_equal(found["map"], values[0].numpy())
    grey = cv2.imdecode(np.frombuffer(as_file(found)[1], np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(grey / 255, found["map"], atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("names", [("trout", "ray", "shark"), None])
def test_classes(names: tuple[str, ...] | None) -> None:
    sample = DataSample().set_pred_score(torch.tensor([0.2, 0.1, 0.7])).set_pred_label(2)
    found = as_arrays(sample, names)
    assert (found["kind"], found["label"], found["name"]) == ("class", 2, names and "shark")
    assert found["score"] == pytest.approx(0.7)
    suffix, content = as_file(found)
    assert suffix == ".json"
    assert json.loads(content) == {**found, "score": pytest.approx(0.7), "scores": pytest.approx([0.2, 0.1, 0.7])}


def test_a_sample_without_a_prediction_is_told() -> None:
    with pytest.raises(ValueError, match="has no prediction"):
        as_arrays(SegDataSample())
