"""A model from files, and predictions for images that no data set knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tiny
import tiny_classes
import torch
import trained
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.structures import MultiTaskDataSample
from pictures import image
from torch.nn import functional

from mmdymu import Preference
from mmdymu.apis import inference, init_model
from mmdymu.models import ControllableNet
from mmdymu.search import NodeProfile, tree_within_budget
from mmdymu.search.profile import model_signature

ASKED = [0.6, 0.3, 0.1]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return trained.write(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(files: tuple[Path, Path]) -> ControllableNet:
    return init_model(*files)


def by_hand(model: ControllableNet, picture: np.ndarray, preference: Preference | None) -> dict[str, torch.Tensor]:
    """Raw outputs in the size of the image, without the code under test; the model is reset afterwards."""
    small = cv2.resize(picture, tiny.SIZE[::-1])
    x = (torch.from_numpy(small.transpose(2, 0, 1)[None].astype(np.float32)) - 127.5) / 64
    model.clear_preference()
    if preference is not None:
        model.set_preference(preference)
    with torch.no_grad():
        outputs = model(x)
    model.clear_preference()
    size = picture.shape[:2]
    outputs = {task: functional.interpolate(raw, tiny.SIZE, mode="bilinear") for task, raw in outputs.items()}
    return {task: functional.interpolate(raw, size, mode="bilinear")[0] for task, raw in outputs.items()}


def assert_same(sample: Any, expected: dict[str, torch.Tensor]) -> None:
    assert torch.equal(sample.semseg.pred_sem_seg.data[0], expected["semseg"].argmax(0))
    torch.testing.assert_close(sample.depth.pred_depth_map.data, expected["depth"].clamp(min=0))
    torch.testing.assert_close(sample.normals.pred_normals.data, functional.normalize(expected["normals"], dim=0))


def test_the_model_is_the_checkpoints(files: tuple[Path, Path], model: ControllableNet) -> None:
    state = torch.load(files[1])["state_dict"]
    assert all(torch.equal(value.nan_to_num(), state[name].nan_to_num()) for name, value in model.state_dict().items())
    assert not model.training
    assert model.selection is None
    assert model.dataset_meta == trained.META
    assert model.cfg.model.tasks == tiny.TASKS
    assert DefaultScope.get_current_instance() is None


def test_options_change_a_copy_of_the_config(files: tuple[Path, Path]) -> None:
    config = Config.fromfile(files[0])
    model = init_model(config, cfg_options={"model.image_size": (64, 64), "model.weight_hypernet": None})
    assert model.image_size == (64, 64)
    assert model.weight_hypernet is None
    assert config.model.image_size == tiny.SIZE


def test_without_a_checkpoint_the_data_set_describes_the_tasks(files: tuple[Path, Path], tmp_path: Path) -> None:
    nameless = trained.save(tiny.build_model(), tmp_path / "x.pth", dataset_meta=None)
    for source in (init_model(files[0]), init_model(files[0], nameless)):
        assert source.dataset_meta["tasks"]["semseg"]["classes"] == ("a", "b", "c", "d")
        assert source.dataset_meta["tasks"]["depth"]["kind"] == "depth"
    config = trained.config(test_dataloader={"dataset": {"type": "mmdymu.TinyDataset"}})
    assert init_model(config).dataset_meta == {}


@pytest.mark.parametrize("preference", [None, ASKED, {"depth": 1.0}])
def test_predictions_against_a_plain_computation(model: ControllableNet, preference: Any) -> None:
    picture = image()
    found = inference(model, picture, preference, 0.3 if preference else 0.0)
    asked = None if preference is None else Preference.parse(preference, cost_weight=0.3, tasks=model.tasks)
    assert_same(found, by_hand(model, picture, asked))
    assert model.selection is None


def test_the_models_own_selection_runs_and_stays(model: ControllableNet) -> None:
    picture, asked = image(), Preference.parse(ASKED, tasks=model.tasks)
    expected = by_hand(model, picture, asked)
    model.set_preference(asked)
    before = model.selection
    assert_same(inference(model, picture), expected)
    inference(model, picture, [0, 0, 1], 1.0)
    assert model.selection is before
    model.clear_preference()


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_batches_of_any_size_and_images_of_any_size(model: ControllableNet, tmp_path: Path, batch_size: int) -> None:
    pictures = [image(*size, seed=seed) for seed, size in enumerate([(40, 60), (40, 60), (50, 30), (40, 60)])]
    cv2.imwrite(str(tmp_path / "2.png"), pictures[2])
    given = [pictures[0], pictures[1], tmp_path / "2.png", pictures[3]]
    found = inference(model, given, ASKED, batch_size=batch_size)
    for sample, picture in zip(found, pictures, strict=True):
        assert_same(sample, by_hand(model, picture, Preference.parse(ASKED, tasks=model.tasks)))


def test_the_given_array_is_left_alone(model: ControllableNet) -> None:
    picture = image()
    picture.setflags(write=False)
    before = picture.copy()
    inference(model, picture)
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("size", [(20, 30), (33, 70), (80, 90)])
def test_a_padded_frame_is_cut_to_the_image(size: tuple[int, int]) -> None:
    pipeline = [
        {"type": "LoadImageFromFile"},
        {"type": "mmdymu.LoadMultiTaskAnnotations"},
        {"type": "mmdymu.MultiTaskPad", "size": (48, 64), "img_value": 128, "as_original": True},
        {"type": "mmdymu.IgnoreEmptyLabels", "tasks": ("parts",)},
        {"type": "mmdymu.PackMultiTaskInputs"},
    ]
    preprocessor = {"type": "mmdymu.MultiTaskDataPreprocessor", "mean": [0.0], "std": [1.0], "size_divisor": 32}
    config = Config({"test_pipeline": pipeline, "model": tiny.model_config(data_preprocessor=preprocessor)})
    model, picture = init_model(config), image(*size)
    above, left = max(48 - size[0], 0) // 2, max(64 - size[1], 0) // 2
    frame = np.full((max(48, size[0]), max(64, size[1]), 3), 128, np.uint8)
    frame[above : above + size[0], left : left + size[1]] = picture
    whole = np.zeros((-(-frame.shape[0] // 32) * 32, -(-frame.shape[1] // 32) * 32, 3), np.float32)
    whole[: frame.shape[0], : frame.shape[1]] = frame
    with torch.no_grad():
        raw = model(torch.from_numpy(whole.transpose(2, 0, 1)[None]))["depth"]
    expected = functional.interpolate(raw, whole.shape[:2], mode="bilinear").clamp(min=0)[0]
    found = inference(model, picture).depth.pred_depth_map.data
    torch.testing.assert_close(found, expected[:, above : above + size[0], left : left + size[1]])


def test_a_classifier_tells_every_task_of_every_image() -> None:
    model, pictures = trained.classifier(), [image(32, 32), image(50, 40, 1)]
    found = inference(model, pictures, [1, 1, 1], batch_size=2)
    assert model.dataset_meta["tasks"]["fish"]["classes"][0] == "aquarium_fish"
    model.set_preference(Preference.uniform(model.tasks))
    for sample, picture in zip(found, pictures, strict=True):
        small = picture if picture.shape[0] == 32 else cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA)
        x = (torch.from_numpy(small.transpose(2, 0, 1)[None].astype(np.float32)) - 127.5) / 64
        with torch.no_grad():
            logits = model(x)
        for task in tiny_classes.TASKS:
            scores = logits[task][0].softmax(0)
            torch.testing.assert_close(sample.get(task).pred_score, scores)
            assert sample.get(task).pred_label.item() == scores.argmax()


def test_bad_configs(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"config 'nowhere\.py' does not exist"):
        init_model("nowhere.py")
    with pytest.raises(TypeError, match="config must be a path or a Config, got dict"):
        init_model({"model": {}})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="has no model"):
        init_model(Config({"train_cfg": {}}))
    with pytest.raises(TypeError, match=r"model\.type='mmdymu\.ResNet9' is no controllable model"):
        init_model(Config({"model": {"type": "mmdymu.ResNet9"}}))
    bare = init_model(Config({"model": tiny.model_config()}))
    with pytest.raises(ValueError, match=r"no test_dataloader\.dataset\.pipeline and no test_pipeline"):
        inference(bare, image())
    with pytest.raises(ValueError, match="the model has no config"):
        inference(tiny.build_model(), image())


def test_checkpoints_of_others_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    config = files[0]

    def refused(model: Any, message: str) -> None:
        torch.save({"meta": {}, "state_dict": model.state_dict()}, tmp_path / "other.pth")
        with pytest.raises(ValueError, match=message):
            init_model(config, tmp_path / "other.pth")

    refused(torch.nn.Linear(2, 2), "names no tasks, so it is not one of a controllable model")
    refused(tiny.build_model(("depth", "semseg", "normals")), "the checkpoint belongs to tasks")
    refused(tiny.build_model(weight_hypernet=None), "belongs to another network: it lacks .* 'weight_hypernet")
    refused(tiny.build_model(stream={"backbone": {**tiny.RESNET, "depth": 34}}), "belongs to another network")
    refused(tiny.build_model(stream={"backbone": {**tiny.RESNET, "base_channels": 8}}), "belongs to another network")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        init_model(config, "nowhere.pth")
    (tmp_path / "text.pth").write_text("weights")
    with pytest.raises(ValueError, match="is no file that torch has saved"):
        init_model(config, tmp_path / "text.pth")


def test_a_model_that_leaves_the_weight_hypernet_out_loads(files: tuple[Path, Path]) -> None:
    model = init_model(*files, cfg_options={"model.weight_hypernet": None})
    assert model.is_controllable
    assert inference(model, image(), ASKED) is not None


def test_a_budget_of_latency(model: ControllableNet) -> None:
    nodes = (1.0,) * model.num_layers
    profile = NodeProfile(nodes, (0.5,) * 3, 0.0, model.image_size, "cpu", model_signature(model))
    sample = inference(model, image(), [1, 1, 1], budget={"latency_ms": 2 * model.num_layers}, profile=profile)
    found = tree_within_budget(model, Preference.uniform(model.tasks), {"latency_ms": 2 * model.num_layers}, profile)
    model.set_preference(Preference.uniform(model.tasks), found.tree)
    wanted = inference(model, image())
    assert isinstance(sample, MultiTaskDataSample) and isinstance(wanted, MultiTaskDataSample)
    assert torch.equal(sample.depth.pred_depth_map.data, wanted.depth.pred_depth_map.data)
    with pytest.raises(ValueError, match="needs a profile"):
        inference(model, image(), [1, 1, 1], budget={"latency_ms": 9.0})


def test_bad_preferences(files: tuple[Path, Path], model: ControllableNet) -> None:
    with pytest.raises(ValueError, match=r"names unknown tasks \['edges'\]"):
        inference(model, image(), {"edges": 1.0})
    with pytest.raises(ValueError, match="cost_weight must be a number in"):
        inference(model, image(), ASKED, 2.0)
    with pytest.raises(ValueError, match="edge hypernet is not trained, so a preference means nothing"):
        inference(init_model(files[0]), image(), ASKED)


def test_bad_images(model: ControllableNet, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"image 'nowhere\.jpg' does not exist"):
        inference(model, "nowhere.jpg")
    for content in (b"", b"no image"):
        (tmp_path / "broken.jpg").write_bytes(content)
        with pytest.raises(ValueError, match=r"broken\.jpg' is no image that can be read"):
            inference(model, tmp_path / "broken.jpg")
    with pytest.raises(ValueError, match=r"must have shape \(H, W, 3\), got \(4, 5\)"):
        inference(model, np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match="give several images as a list"):
        inference(model, np.zeros((2, 4, 5, 3), np.uint8))
    with pytest.raises(TypeError, match="must be uint8 from 0 to 255, got float64"):
        inference(model, np.zeros((4, 5, 3)))
    with pytest.raises(TypeError, match=r"must be a path or an array .* got Tensor"):
        inference(model, torch.zeros(4, 5, 3))
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        inference(model, image(), batch_size=0)
