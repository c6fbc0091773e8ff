from __future__ import annotations

from typing import Any

import pytest
import tiny
import torch
from mmengine.config import ConfigDict
from torch import Tensor

from mmdymu.engine import Frames
from mmdymu.models import ControllableSegmentor
from mmdymu.registry import DATASETS


@pytest.fixture(scope="module")
def model() -> ControllableSegmentor:
    return tiny.build_model(stream=tiny.SHORT)


def config(**changes: Any) -> ConfigDict:
    loader = {"batch_size": 2, "dataset": {"type": "mmdymu.TinyDataset", "size": 10}}
    return ConfigDict(train_dataloader=loader, test_dataloader=tiny.test_loader(), **changes)


def names(batches: Any) -> list[str]:
    return [sample.img_path for batch in batches for sample in batch.data_samples]


@pytest.mark.parametrize(
    ("images", "expected"), [(4, (0, 3, 6, 9)), (1, (0,)), (10, range(10)), (99, range(10)), (None, range(10))]
)
def test_takes_evenly_spaced_images(model: ControllableSegmentor, images: int | None, expected: Any) -> None:
    batches = Frames.from_config(config()).batches(model, images, batch_size=3)
    assert names(batches) == [f"{index}.jpg" for index in expected]
    assert max(len(batch.inputs) for batch in batches) <= 3


def test_uses_the_test_pipeline_so_that_images_are_always_the_same(model: ControllableSegmentor) -> None:
    def load() -> Tensor:
        return torch.cat([batch.inputs for batch in Frames.from_config(config()).batches(model)])

    plain = tiny.TinyDataset(size=10, pipeline=[])
    expected = torch.stack([(plain[i]["inputs"].float() - 127.5) / 64 for i in range(10)])
    assert torch.allclose(load(), expected, atol=1e-6)
    assert torch.equal(load(), load())


def test_falls_back_to_the_validation_and_then_the_training_pipeline(model: ControllableSegmentor) -> None:
    only_val = config(val_dataloader=tiny.test_loader())
    del only_val["test_dataloader"]
    assert not Frames.from_config(only_val)._config["pipeline"]
    del only_val["val_dataloader"]
    assert Frames.from_config(only_val)._config.get("pipeline") is None


def test_takes_another_split(model: ControllableSegmentor) -> None:
    assert len(names(Frames.from_config(config(), "test").batches(model))) == 4


def test_leaves_the_config_alone(model: ControllableSegmentor) -> None:
    cfg, untouched = config(), config()
    Frames.from_config(cfg).batches(model, 2)
    assert cfg == untouched


@pytest.mark.parametrize("split", ["train", "test"])
def test_refuses_a_config_without_the_split(split: str) -> None:
    with pytest.raises(ValueError, match=f"no {split}_dataloader"):
        Frames.from_config(ConfigDict(), split)


def test_no_batch_is_much_smaller_than_the_others(model: ControllableSegmentor) -> None:
    batches = Frames.from_config(config()).batches(model, batch_size=9)
    assert [len(batch.inputs) for batch in batches] == [5, 5]


@DATASETS.register_module(force=True)
class GrowingDataset(tiny.TinyDataset):
    """Every image is larger than the one before; the labels are larger still, as loaded after a resizing."""

    def __init__(self, growing_images: bool, **options: Any) -> None:
        super().__init__(**options)
        self.growing_images = growing_images

    def __getitem__(self, index: int) -> dict[str, Any]:
        height, width = tiny.SIZE
        self.shape = (height + 8 * index, width + 4 * index)
        item = super().__getitem__(index)
        if not self.growing_images:
            item["inputs"] = item["inputs"][:, :height, :width]
        return item


@pytest.mark.parametrize("growing_images", [True, False])
def test_images_and_labels_of_any_size_can_be_stacked(model: ControllableSegmentor, growing_images: bool) -> None:
    dataset = {
        "type": "mmdymu.GrowingDataset", "growing_images": growing_images, "size": 5, "pipeline": []
    }  # fmt: skip
    batches = Frames(dataset).batches(model, batch_size=2)
    plain = GrowingDataset(growing_images, size=5, pipeline=[])
    assert {tuple(batch.inputs.shape[-2:]) for batch in batches} == {tiny.SIZE}
    samples = [sample for batch in batches for sample in batch.data_samples]
    for index, sample in enumerate(samples):
        label = plain[index]["data_samples"].get("semseg").gt_sem_seg.data
        rows = [int((y + 0.5) * label.shape[1] / tiny.SIZE[0]) for y in range(tiny.SIZE[0])]
        columns = [int((x + 0.5) * label.shape[2] / tiny.SIZE[1]) for x in range(tiny.SIZE[1])]
        expected = [[int(label[0, y, x]) for x in columns] for y in rows]
        assert sample.get("semseg").gt_sem_seg.data[0].tolist() == expected
    outputs = model.run_tree(batches[0].inputs, model.anchor_tree)
    losses, _ = model.task_losses(outputs, batches[0].data_samples)
    assert torch.isfinite(losses).all()


def test_frames_of_one_size_keep_the_size_of_their_labels(model: ControllableSegmentor) -> None:
    dataset = {"type": "mmdymu.GrowingDataset", "growing_images": False, "size": 1, "pipeline": []}
    (batch,) = Frames(dataset).batches(model)
    assert torch.equal(
        batch.data_samples[0].get("depth").gt_depth_map.data,
        GrowingDataset(False, size=1, pipeline=[])[0]["data_samples"].get("depth").gt_depth_map.data,
    )
