"""Whole pictures, and the hooks that ask for them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmpretrain.structures import MultiTaskDataSample
from mmseg.engine import SegVisualizationHook
from mmseg.structures import SegDataSample
from torch import Tensor

from mmdymu.registry import HOOKS, VISUALIZERS
from mmdymu.visualization import MultiTaskVisualizationHook, MultiTaskVisualizer, view_task

SIZE = (24, 32)


def inner(**maps: Tensor) -> SegDataSample:
    sample = SegDataSample()
    for name, data in maps.items():
        sample.set_data({name: PixelData(data=data)})
    return sample


def sample(img_path: str = "folder/7.png", size: tuple[int, int] = SIZE) -> MultiTaskDataSample:
    torch.manual_seed(0)
    labels, binary = torch.randint(0, 3, (1, *size)), torch.randint(0, 2, (1, *size))
    outer = MultiTaskDataSample(metainfo={"img_path": img_path})
    fields = {
        "semseg": inner(gt_sem_seg=labels, pred_sem_seg=labels.flip(1), seg_logits=torch.zeros(3, *size)),
        "depth": inner(gt_depth_map=torch.rand(1, *size) + 1, pred_depth_map=torch.rand(1, *size)),
        "normals": inner(gt_normals=torch.randn(3, *size), pred_normals=torch.randn(3, *size)),
        "edges": inner(gt_sem_seg=binary, pred_sem_seg=binary, seg_logits=torch.rand(1, *size)),
    }
    for task, value in fields.items():
        outer.set_field(value, task)
    return outer


def without(whole: MultiTaskDataSample, prefixes: tuple[str, ...]) -> MultiTaskDataSample:
    part = MultiTaskDataSample()
    for task, fields in whole.items():
        kept = {name: value.data for name, value in fields.items() if not name.startswith(prefixes)}
        part.set_field(inner(**kept), task)
    return part


@pytest.fixture
def visualizer(tmp_path: Path) -> MultiTaskVisualizer:
    built = VISUALIZERS.build(
        dict(
            type="MultiTaskVisualizer",
            name=str(tmp_path),  # mmengine returns the same object for the same name
            vis_backends=[dict(type="LocalVisBackend")],
            save_dir=str(tmp_path),
        )
    )
    built.dataset_meta = {"tasks": ("semseg", "normals", "depth"), "classes": {"semseg": ("a", "b", "c")}}
    return built


def image(size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)


def test_one_column_for_the_input_and_every_task(visualizer: MultiTaskVisualizer) -> None:
    whole, three = visualizer.draw(image(), sample()), sample()
    three.pop("edges")
    narrower = visualizer.draw(image(), three)
    assert whole.dtype == np.uint8 and whole.shape[0] == narrower.shape[0]
    column = whole.shape[1] - narrower.shape[1]
    assert abs(whole.shape[1] - 5 * column) < column / 4


def test_label_row_and_prediction_row_can_be_left_out(visualizer: MultiTaskVisualizer) -> None:
    both = visualizer.draw(image(), sample())
    for options in ({"draw_gt": False}, {"draw_pred": False}):
        assert visualizer.draw(image(), sample(), **options).shape[0] < 0.6 * both.shape[0]


def test_tasks_follow_the_data_set(visualizer: MultiTaskVisualizer) -> None:
    assert list(visualizer.views(image(), sample())) == ["semseg", "normals", "depth", "edges"]
    visualizer.dataset_meta = None
    assert list(visualizer.views(image(), sample())) == ["depth", "edges", "normals", "semseg"]


def test_image_of_another_size_than_the_labels(visualizer: MultiTaskVisualizer) -> None:
    assert (
        visualizer.draw(image((48, 64)), sample()).shape
        == visualizer.draw(image((48, 64)), sample(size=(48, 64))).shape
    )


def test_predictions_without_labels_and_the_reverse(visualizer: MultiTaskVisualizer) -> None:
    whole = visualizer.draw(image(), sample())
    for prefixes in (("gt_",), ("pred_", "seg_logits")):
        assert visualizer.draw(image(), without(sample(), prefixes)).shape == whole.shape
    assert visualizer.draw(image(), None).shape[0] < whole.shape[0]


def test_depth_note_tells_the_range_of_the_label() -> None:
    label = torch.linspace(2.0, 4.0, 100).view(1, 10, 10)
    view = view_task(inner(gt_depth_map=label, pred_depth_map=torch.full((1, 10, 10), 9.0)), image((10, 10)))
    assert view is not None and view.note == "2.0-4.0 m"


def test_legend_names_the_classes_that_occur() -> None:
    label = torch.tensor([[1, 1, 1, 2], [255, 255, 2, 1]])[None]
    view = view_task(inner(gt_sem_seg=label), image((2, 4)), ("a", "b", "c"), ((9, 9, 9), (1, 2, 3), (4, 5, 6)))
    assert view is not None and view.legend == (("b", (1, 2, 3)), ("c", (4, 5, 6)))
    unnamed = view_task(inner(gt_sem_seg=label), image((2, 4)))
    assert unnamed is not None and [name for name, _ in unnamed.legend] == ["1", "2"]


def test_a_label_of_zeros_and_ones_is_grey_only_without_more_classes() -> None:
    label = torch.tensor([[0, 1], [255, 1]])[None]
    grey, coloured = (
        view_task(inner(gt_sem_seg=label), image((2, 2))),
        view_task(inner(gt_sem_seg=label), image((2, 2)), ("a", "b", "c")),
    )
    assert grey is not None and coloured is not None
    assert not grey.legend and coloured.legend


def test_nothing_to_draw() -> None:
    assert view_task(SegDataSample(), image()) is None


def test_pictures_are_stored(visualizer: MultiTaskVisualizer, tmp_path: Path) -> None:
    visualizer.add_datasample("name", image(), sample(), step=3)
    stored = tmp_path / "vis_data" / "vis_image" / "name_3.png"
    assert np.array_equal(cv2.imread(str(stored))[..., ::-1], visualizer.draw(image(), sample()))
    visualizer.add_datasample("name", image(), sample(), out_file=str(tmp_path / "new" / "one.png"))
    assert (tmp_path / "new" / "one.png").exists()


class Recorder:
    """Stands for a visualizer."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, np.ndarray, int]] = []

    def add_datasample(
        self, name: str, image: np.ndarray, data_sample: Any, show: bool, wait_time: float, step: int
    ) -> None:
        self.calls.append((name, image, step))


def run_hook(batches: int, **options: Any) -> list[tuple[str, np.ndarray, int]]:
    recorder, loader = Recorder(), SimpleNamespace(batch_size=2)
    runner = SimpleNamespace(visualizer=recorder, iter=5, test_dataloader=loader, val_dataloader=loader)
    hook = HOOKS.build(dict(type="MultiTaskVisualizationHook", **options))
    inputs = torch.arange(3, dtype=torch.uint8).view(3, 1, 1).expand(3, *SIZE)
    for index in range(batches):
        hook.after_test_iter(runner, index, {"inputs": [inputs, inputs]}, [sample("a/x.png"), sample("a/y.png")])
    return recorder.calls


def test_hook_draws_every_wanted_image_as_rgb() -> None:
    assert run_hook(2) == []
    calls = run_hook(2, draw=True)
    assert [(name, step) for name, _, step in calls] == [
        ("test_x", 0),
        ("test_y", 1),
        ("test_x", 2),
        ("test_y", 3),
    ]
    assert calls[0][1].shape == (*SIZE, 3) and calls[0][1][0, 0].tolist() == [2, 1, 0]
    assert [step for _, _, step in run_hook(3, draw=True, interval=3)] == [0, 3]
    with pytest.raises(ValueError, match="interval must be at least 1, got 0"):
        MultiTaskVisualizationHook(interval=0)


def test_hook_of_mmseg_works_too(tmp_path: Path) -> None:
    """It reads the image from its file, in its original size."""
    path = str(tmp_path / "frame.png")
    cv2.imwrite(path, image((48, 64)))
    visualizer = MultiTaskVisualizer.get_instance(
        str(tmp_path), vis_backends=[dict(type="LocalVisBackend")], save_dir=str(tmp_path)
    )
    hook = SegVisualizationHook(draw=True, interval=1)
    hook._visualizer = visualizer
    hook.after_test_iter(SimpleNamespace(iter=0), 0, {}, [sample(path)])
    assert len(list((tmp_path / "vis_data" / "vis_image").glob("test_frame*.png"))) == 1
