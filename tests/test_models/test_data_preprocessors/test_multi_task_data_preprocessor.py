"""Stacking, normalising and padding of a batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample, MultiTaskDataSample
from mmseg.structures import SegDataSample

from mmdymu.models.data_preprocessors import MultiTaskDataPreprocessor
from mmdymu.registry import MODELS

MEAN, STD = (10.0, 20.0, 30.0), (2.0, 4.0, 5.0)


def sample(size: tuple[int, int]) -> MultiTaskDataSample:
    outer = MultiTaskDataSample(metainfo={"img_path": "a.png", "ori_shape": size})
    fields = {"semseg": ("gt_sem_seg", 1), "depth": ("gt_depth_map", 1), "normals": ("gt_normals", 3)}
    for task, (field, channels) in fields.items():
        inner = SegDataSample(metainfo={"img_path": "a.png"})
        inner.set_data({field: PixelData(data=torch.ones(channels, *size, dtype=torch.float32))})
        outer.set_field(inner, task)
    outer.set_field(DataSample().set_gt_label(3), "scene")
    return outer


def batch(*sizes: tuple[int, int]) -> dict[str, Any]:
    torch.manual_seed(0)
    images = [torch.randint(0, 256, (3, *size), dtype=torch.uint8) for size in sizes]
    return {"inputs": images, "data_samples": [sample(size) for size in sizes]}


def test_equals_the_formula() -> None:
    data = batch((4, 6), (4, 6))
    out = MultiTaskDataPreprocessor(MEAN, STD, bgr_to_rgb=True)(data)["inputs"]
    for index, image in enumerate(data["inputs"]):
        for channel in range(3):
            expected = (image[2 - channel].double() - MEAN[channel]) / STD[channel]
            assert torch.allclose(out[index, channel].double(), expected, atol=1e-5)


def test_list_and_stacked_inputs_agree() -> None:
    data = batch((4, 6), (4, 6))
    preprocessor = MultiTaskDataPreprocessor(MEAN, STD)
    stacked = {**data, "inputs": torch.stack(data["inputs"])}
    assert torch.equal(preprocessor(data)["inputs"], preprocessor(stacked)["inputs"])


def test_without_statistics_images_are_only_cast() -> None:
    data = batch((4, 6))
    out = MultiTaskDataPreprocessor()(data)["inputs"]
    assert out.dtype == torch.float32
    assert torch.equal(out[0], data["inputs"][0].float())


def test_training_pads_images_and_labels() -> None:
    out = MultiTaskDataPreprocessor(MEAN, STD, size_divisor=8, pad_val=0.5)(batch((4, 6), (9, 7)), training=True)
    assert out["inputs"].shape == (2, 3, 16, 8)
    assert bool((out["inputs"][0, :, 4:] == 0.5).all()) and bool((out["inputs"][0, :, :, 6:] == 0.5).all())
    first = out["data_samples"][0]
    for task, field, value in [
        ("semseg", "gt_sem_seg", 255),
        ("depth", "gt_depth_map", 0),
        ("normals", "gt_normals", 0),
    ]:
        label = first.get(task).get(field).data
        assert label.shape[1:] == (16, 8)
        assert bool((label[:, :4, :6] == 1).all())
        assert bool((label[:, 4:] == value).all()) and bool((label[:, :, 6:] == value).all())


def test_testing_pads_images_only() -> None:
    out = MultiTaskDataPreprocessor(size_divisor=8)(batch((4, 6)))
    assert out["inputs"].shape == (1, 3, 8, 8)
    assert out["data_samples"][0].get("depth").get("gt_depth_map").data.shape == (1, 4, 6)


@pytest.mark.parametrize("training", [True, False])
def test_sizes_are_noted_in_all_samples(training: bool) -> None:
    out = MultiTaskDataPreprocessor(size_divisor=8)(batch((4, 6)), training=training)["data_samples"][0]
    for item in (out, out.get("semseg"), out.get("depth"), out.get("normals")):
        assert (item.img_shape, item.pad_shape) == ((4, 6), (8, 8))
        assert item.padding_size == item.img_padding_size == (0, 2, 0, 4)
        assert item.labels_padded is training


def test_samples_that_come_in_are_not_changed() -> None:
    data = batch((4, 6))
    MultiTaskDataPreprocessor(size_divisor=8)(data, training=True)
    inner = data["data_samples"][0].get("depth")
    assert inner.get("gt_depth_map").data.shape == (1, 4, 6) and "pad_shape" not in inner.metainfo


def test_other_keys_are_handed_on() -> None:
    preferences = [object()]
    out = MultiTaskDataPreprocessor()({**batch((4, 6)), "preferences": preferences})
    assert out["preferences"] is preferences


def test_batch_without_images() -> None:
    out = MultiTaskDataPreprocessor(MEAN, STD)({"preferences": [1]})
    assert out == {"preferences": [1], "inputs": None, "data_samples": None}


def test_built_from_the_registry_and_without_state() -> None:
    built = MODELS.build(dict(type="MultiTaskDataPreprocessor", mean=list(MEAN), std=list(STD)))
    assert isinstance(built, MultiTaskDataPreprocessor) and not built.state_dict()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": MEAN}, "mean and std"),
        ({"mean": MEAN, "std": (1, 0, 1)}, "std must be positive"),
        ({"mean": (1, 2), "std": (1, 2)}, "mean must have 1 or 3 values"),
        ({"size_divisor": 0}, "size_divisor"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiTaskDataPreprocessor(**options)


def test_wrong_batches_are_refused() -> None:
    preprocessor = MultiTaskDataPreprocessor(size_divisor=8)
    with pytest.raises(ValueError, match=r"\(3, H, W\), got \(1, 4, 6\)"):
        preprocessor({"inputs": [torch.zeros(1, 4, 6)]})
    with pytest.raises(ValueError, match="2 inputs and 1 data_samples"):
        preprocessor({"inputs": torch.zeros(2, 3, 4, 6), "data_samples": [sample((4, 6))]})
    with pytest.raises(ValueError, match=r"a\.png: gt_\w+ \(\d, 5, 6\) does not fit the image \(4, 6\)"):
        preprocessor({"inputs": torch.zeros(1, 3, 4, 6), "data_samples": [sample((5, 6))]}, training=True)
