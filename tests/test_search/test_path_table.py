from __future__ import annotations

import itertools
from typing import Any

import pytest
import tiny
import torch
from mmengine.structures import PixelData
from mmpretrain.structures import MultiTaskDataSample
from torch import Tensor

from mmdymu import BranchingTree
from mmdymu.models import ControllableSegmentor
from mmdymu.search import build_path_table
from mmdymu.search.path_losses import PathLosses
from mmdymu.search.path_table import shrink_labels


@pytest.fixture(scope="module")
def model() -> ControllableSegmentor:
    return tiny.build_model(stream=tiny.SHORT).eval()


@pytest.fixture(scope="module")
def frames(model: ControllableSegmentor) -> tuple[Tensor, list[MultiTaskDataSample]]:
    (batch,) = tiny.frames().batches(model)
    return batch.inputs, list(batch.data_samples)


@pytest.fixture(scope="module")
def table(model: ControllableSegmentor, frames: Any) -> Tensor:
    return build_path_table(model, *frames, progress=False)


def loss_of_path(model: ControllableSegmentor, frames: Any, task: int, path: tuple[int, ...]) -> Tensor:
    """Module after module, labels picked pixel by pixel."""
    x, samples = frames
    features = []
    for layer, stream in enumerate(path):
        x = model.backbone.streams[stream].nodes[layer](x)
        if layer in (0, 2):
            features.append(x)
    name = model.tasks[task]
    raw = model.heads[name](tuple(features))
    small = []
    for sample in samples:
        single = sample.get(name).clone()
        field = {"semseg": "gt_sem_seg", "depth": "gt_depth_map", "normals": "gt_normals"}[name]
        data = single.get(field).data
        height, width = raw.shape[-2:]
        rows = [int((row + 0.5) * data.shape[-2] / height) for row in range(height)]
        columns = [int((column + 0.5) * data.shape[-1] / width) for column in range(width)]
        picked = torch.stack([torch.stack([data[:, r, c] for c in columns], -1) for r in rows], -2)
        single.set_data({field: PixelData(data=picked)})
        small.append(single)
    entries = model.heads[name].loss_by_feat(raw, small)
    return sum(value for key, value in entries.items() if "loss" in key)


@torch.no_grad()
def test_entries_are_losses_of_single_paths(model: ControllableSegmentor, frames: Any, table: Tensor) -> None:
    assert table.shape == (3, 3, 3, 3)
    paths = list(itertools.product(range(3), repeat=3))[::4]
    for task, path in itertools.product(range(3), paths):
        assert torch.allclose(table[(task, *path)], loss_of_path(model, frames, task, path), rtol=1e-5), (task, path)


@torch.no_grad()
@pytest.mark.parametrize("parents", [((0, 1, 2),) * 3, ((1, 1, 1),) * 3, ((0, 0, 1), (0, 0, 2), (0, 1, 1))])
def test_a_tree_has_the_losses_of_its_paths(
    model: ControllableSegmentor, frames: Any, table: Tensor, parents: Any
) -> None:
    tree = BranchingTree(parents)
    inputs, samples = frames
    small = shrink_labels(model, inputs, samples)
    losses, _ = model.task_losses(model.run_tree(inputs, tree), small)
    expected = torch.stack([table[(task, *path)] for task, path in enumerate(tree.paths)])
    assert torch.allclose(losses, expected, rtol=1e-5)
    measured = PathLosses(model, [(inputs, samples)])(tree)
    assert measured == pytest.approx(expected.numpy(), rel=1e-5)


def test_streams_of_one_start_give_equal_losses(frames: Any) -> None:
    equal = tiny.build_model(stream=tiny.SHORT).eval()
    equal.backbone.init_weights()
    rows = build_path_table(equal, *frames, progress=False).flatten(1)
    assert torch.allclose(rows, rows[:, :1].expand_as(rows))


def test_labels_are_picked_and_the_old_ones_stay(model: ControllableSegmentor, frames: Any) -> None:
    inputs, samples = frames
    shapes = [sample.get("depth").gt_depth_map.data.shape for sample in samples]
    small = shrink_labels(model, inputs, samples)
    assert [sample.get("depth").gt_depth_map.data.shape for sample in samples] == shapes
    for before, after in zip(samples, small, strict=True):
        values = after.get("semseg").gt_sem_seg.data
        assert values.dtype == torch.int64
        assert values.numel() < before.get("semseg").gt_sem_seg.data.numel()
        depths = after.get("depth").gt_depth_map.data
        assert torch.isin(depths, before.get("depth").gt_depth_map.data).all()


def test_nothing_of_the_model_changes(model: ControllableSegmentor, frames: Any) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    build_path_table(model, *frames, progress=False)
    assert all(torch.equal(v.nan_to_num(), before[k].nan_to_num()) for k, v in model.state_dict().items())
