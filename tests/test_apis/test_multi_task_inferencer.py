"""The inferencer against the model's own predictions, what it writes, and many threads that use one."""

from __future__ import annotations

import gc
import itertools
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tiny
import torch
import trained
from mmengine.config import Config
from pictures import image, picture, video

from mmdymu import Preference
from mmdymu.apis import MultiTaskInferencer, inference, init_model, multi_task_inferencer
from mmdymu.apis.predictions import as_arrays
from mmdymu.engine import Batch, calibrate
from mmdymu.models import ControllableNet
from mmdymu.registry import INFERENCERS

PREFERENCES = ([0.6, 0.3, 0.1], [0.0, 0.0, 1.0], [0.2, 0.7, 0.1], [1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return trained.write(tmp_path_factory.mktemp("model"))


@pytest.fixture
def inferencer(files: tuple[Path, Path]) -> MultiTaskInferencer:
    return MultiTaskInferencer(*files, device="cpu", show_progress=False)


def maps(prediction: dict[str, Any]) -> dict[str, np.ndarray]:
    return {task: found["map"] for task, found in prediction["tasks"].items()}


def expected(model: ControllableNet, pictures: Any, *asked: Any) -> list[dict[str, np.ndarray]]:
    found = inference(model, pictures, *asked)
    return [{task: as_arrays(sample.get(task))["map"] for task in model.tasks} for sample in found]


def assert_same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    """Up to what the number of images in a batch does to the last digits."""
    assert list(found) == list(wanted)
    for task in found:
        np.testing.assert_allclose(found[task], wanted[task], atol=1e-5)


def assert_equal(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert list(found) == list(wanted)
    assert all(np.array_equal(found[task], wanted[task]) for task in found)


def written(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_starts_uniform_and_follows_its_preference(inferencer: MultiTaskInferencer, files: tuple[Path, Path]) -> None:
    model, pictures = init_model(*files), [image(), image(50, 30, 1)]
    done = inferencer(pictures)
    assert done["selection"].preference == Preference.uniform(tiny.TASKS)
    for asked in (([1, 1, 1],), ([0.6, 0.3, 0.1], 0.4), ({"depth": 1.0}, 1.0)):
        tree = inferencer.set_preference(*asked)
        done = inferencer(pictures, batch_size=2)
        assert done["selection"].tree == tree
        assert [prediction["name"] for prediction in done["predictions"]] == ["array_000000", "array_000001"]
        for prediction, wanted, shown in zip(
            done["predictions"], expected(model, pictures, *asked), pictures, strict=True
        ):
            assert_same(maps(prediction), wanted)
            assert prediction["tasks"]["depth"]["map"].shape == shown.shape[:2]
        assert done["visualization"] == []
    assert "chosen_by" in inferencer.report()


def test_a_budget_in_place_of_a_cost_weight(inferencer: MultiTaskInferencer, files: tuple[Path, Path]) -> None:
    complexity = inferencer.model.complexity
    whole = complexity.flops(inferencer.model.anchor_tree)
    tree = inferencer.set_preference([1, 1, 1], budget={"flops": 0.8 * whole})
    assert complexity.flops(tree) <= 0.8 * whole
    assert inferencer.report()["budget"]["cost"] == complexity.flops(tree)
    found = maps(inferencer(image())["predictions"][0])
    sample = inference(init_model(*files), image(), [1, 1, 1], budget={"flops": 0.8 * whole})
    assert_same(found, {task: as_arrays(sample.get(task))["map"] for task in tiny.TASKS})
    with pytest.raises(ValueError, match="flops"):
        inferencer.set_preference([1, 1, 1], budget={"flops": 1.0})
    with pytest.raises(ValueError, match="cost_weight and budget go with a preference"):
        inference(inferencer.model, image(), budget={"flops": whole})
    assert inferencer.model.selection.tree == tree


def test_settings_of_tests_are_not_silently_left_out(
    files: tuple[Path, Path], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(multi_task_inferencer, "print_log", lambda text, *_: said.append(text))
    MultiTaskInferencer(init_model(*files))
    assert not said
    MultiTaskInferencer(init_model(*files, cfg_options={"norm_statistics": "calibrated", "cost_weight": 0.5}))
    assert said and "['cost_weight', 'norm_statistics'] of the config are for tests" in said[0]


def test_ways_to_build_one(files: tuple[Path, Path], tmp_path: Path) -> None:
    text = Path(files[0]).read_text()
    state = torch.load(files[1])
    torch.save({**state, "meta": {**state["meta"], "cfg": text}}, tmp_path / "whole.pth")
    model = init_model(*files)
    model.set_preference(Preference.parse([0.6, 0.3, 0.1], tasks=model.tasks))
    wanted = expected(model, [image()])[0]
    built = [
        MultiTaskInferencer(Config.fromfile(files[0]), str(files[1]), "cpu"),
        MultiTaskInferencer(None, tmp_path / "whole.pth", "cpu"),
        INFERENCERS.build({"type": "mmdymu.MultiTaskInferencer", "model": str(files[0]), "weights": str(files[1])}),
    ]
    assert_same(maps(MultiTaskInferencer(model)(image())["predictions"][0]), wanted)
    for one in built:
        one.model.cpu()
        one.set_preference([0.6, 0.3, 0.1])
        assert_same(maps(one(image())["predictions"][0]), wanted)


def test_an_untrained_controller_runs_the_single_task_networks(files: tuple[Path, Path]) -> None:
    one = MultiTaskInferencer(files[0], device="cpu")
    assert one(image())["selection"] is None
    with pytest.raises(ValueError, match="edge hypernet is not trained"):
        one.set_preference([1, 1, 1])
    with pytest.raises(RuntimeError, match="call set_preference first"):
        one.calibrate(image())


@pytest.mark.parametrize(("map_format", "suffix"), [("png", ".png"), ("npy", ".npy")])
def test_what_is_written(inferencer: MultiTaskInferencer, tmp_path: Path, map_format: str, suffix: str) -> None:
    for name in ("x/1.png", "y/1.png"):
        cv2.imwrite(str(picture(tmp_path / name)), image(seed=len(name)))
    done = inferencer([tmp_path / "x", tmp_path / "y/1.png"], out_dir=tmp_path / "out", map_format=map_format)
    wanted = [f"maps/semseg/{n}/1.png" for n in "xy"] + [f"overlays/{n}/1.png" for n in "xy"]
    wanted += [f"maps/{task}/{n}/1{suffix}" for task in ("depth", "normals") for n in "xy"]
    assert written(tmp_path / "out") == sorted(wanted)
    first = done["predictions"][0]
    assert set(first["files"]) == {"maps/semseg", "maps/depth", "maps/normals", "overlay"}
    label = cv2.imread(first["files"]["maps/semseg"], cv2.IMREAD_UNCHANGED)
    assert np.array_equal(label, first["tasks"]["semseg"]["map"])
    depth = first["files"]["maps/depth"]
    metres = np.load(depth) if suffix == ".npy" else cv2.imread(depth, cv2.IMREAD_UNCHANGED) / 1000
    np.testing.assert_allclose(metres, first["tasks"]["depth"]["map"], atol=6e-4)
    assert cv2.imread(first["files"]["overlay"]).std() > 10
    before = Path(depth).stat().st_mtime_ns
    with pytest.raises(ValueError, match="exists: choose another out_dir"):
        inferencer([tmp_path / "x", tmp_path / "y"], out_dir=tmp_path / "out", map_format=map_format)
    assert Path(depth).stat().st_mtime_ns == before
    inferencer([tmp_path / "x", tmp_path / "y/1.png"], out_dir=tmp_path / "out", overwrite=True, overlays=False)


def test_results_can_be_left_out(inferencer: MultiTaskInferencer, tmp_path: Path) -> None:
    done = inferencer(image(), out_dir=tmp_path / "out", return_maps=False, overlays=False)
    assert done["predictions"][0]["tasks"] == {}
    assert len(written(tmp_path / "out")) == 3
    done = inferencer(image(), return_vis=True, return_maps=False)
    assert done["predictions"] == [{"name": "array_000000", "tasks": {}, "files": {}}]
    assert done["visualization"][0].dtype == np.uint8
    (sample,) = inferencer(image(), return_datasamples=True)["predictions"]
    assert sample.semseg.pred_sem_seg.shape == (40, 60)


def test_a_video_in_and_out(inferencer: MultiTaskInferencer, tmp_path: Path) -> None:
    walk = video(tmp_path / "walk.avi")
    frames = [frame for _, frame in iter_frames(walk)]
    done = inferencer(str(walk), batch_size=2, out_dir=tmp_path / "out", save_video=True, overlays=False)
    assert [prediction["name"] for prediction in done["predictions"]] == [f"walk/00000{index}" for index in range(3)]
    for prediction, frame in zip(done["predictions"], frames, strict=True):
        assert_same(maps(prediction), maps(inferencer(frame)["predictions"][0]))
    reader = cv2.VideoCapture(str(tmp_path / "out/videos/walk.mp4"))
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert written(tmp_path / "out") == sorted(
        [f"maps/{task}/walk/00000{index}.png" for task in tiny.TASKS for index in range(3)] + ["videos/walk.mp4"]
    )


def iter_frames(path: Path) -> Any:
    reader = cv2.VideoCapture(str(path))
    while (read := reader.read())[0]:
        yield read


def test_a_classifier_tells_class_and_score(tmp_path: Path) -> None:
    one = MultiTaskInferencer(trained.classifier())
    (prediction,) = one(image(), out_dir=tmp_path / "out")["predictions"]
    sample = inference(one.model, image())
    for task, found in prediction["tasks"].items():
        assert found["kind"] == "class"
        assert found["score"] == pytest.approx(float(sample.get(task).pred_score.max()))
        assert found["name"] == one.model.dataset_meta["tasks"][task]["classes"][found["label"]]
    assert written(tmp_path / "out") == sorted(f"maps/{task}/array_000000.json" for task in one.model.tasks)


def test_calibrated_norms_belong_to_the_selection(inferencer: MultiTaskInferencer) -> None:
    model, pictures = inferencer.model, [image(seed=seed) for seed in range(4)]
    inferencer.set_preference([0.6, 0.3, 0.1])
    selection, before = model.selection, {name: value.clone() for name, value in model.state_dict().items()}
    plain = maps(inferencer(pictures[0])["predictions"][0])
    inferencer.calibrate(pictures, batch_size=2)
    small = [cv2.resize(one, tiny.SIZE[::-1]).transpose(2, 0, 1).astype(np.float32) for one in pictures]
    x = (torch.from_numpy(np.stack(small)) - 127.5) / 64
    states = calibrate(model, selection, [Batch(x[:2], tiny.samples()), Batch(x[2:], tiny.samples())])
    by_hand = selection.with_states(states)
    for node, state in by_hand.node_states.items():
        for name, value in state.items():
            torch.testing.assert_close(model.selection.node_states[node][name], value)
    calibrated = maps(inferencer(pictures[0])["predictions"][0])
    assert not np.array_equal(calibrated["depth"], plain["depth"])
    assert all(torch.equal(value.nan_to_num(), before[name].nan_to_num()) for name, value in model.state_dict().items())
    assert_same(maps(inferencer(pictures[0], selection=selection)["predictions"][0]), plain)
    inferencer.set_preference([0.6, 0.3, 0.1])
    assert_same(maps(inferencer(pictures[0])["predictions"][0]), plain)


def test_calibration_takes_images_of_any_size(inferencer: MultiTaskInferencer) -> None:
    inferencer.calibrate([image(), image(70, 30, 1), image(32, 48, 2)], batch_size=2)
    assert any("running_mean" in name for state in inferencer.model.selection.node_states.values() for name in state)
    with pytest.raises(ValueError, match="calibration needs batches of two images or more, got 1"):
        inferencer.calibrate(image())


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Runs work(0), work(1), … at once; the first error of a thread is raised here."""
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_no_thread_sees_a_mixture(inferencer: MultiTaskInferencer, files: tuple[Path, Path]) -> None:
    """Four threads predict while a fifth switches a hundred times: every call's images ran one known network."""
    pictures = [image(seed=seed) for seed in range(3)]
    model, known = init_model(*files), {}
    for asked in PREFERENCES:
        selection = Preference.parse(asked, tasks=model.tasks)
        known[selection] = expected(model, pictures, asked)
    assert len({found[0]["depth"].tobytes() for found in known.values()}) == len(PREFERENCES)
    inferencer.set_preference(PREFERENCES[0])
    finished, seen = threading.Event(), set()

    def work(number: int) -> None:
        if number == 4:
            try:
                for _, asked in zip(range(100), itertools.cycle(PREFERENCES), strict=False):
                    inferencer.set_preference(asked)
                    torch.randn(2000)  # Lets the others run between two switches.
            finally:
                finished.set()
            return
        while not finished.is_set():
            done = inferencer(pictures)
            preference = done["selection"].preference
            seen.add(preference)
            for prediction, wanted in zip(done["predictions"], known[preference], strict=True):
                assert_equal(maps(prediction), wanted)

    in_threads(5, work)
    assert len(seen) > 1


def test_calls_in_flight_keep_their_network(inferencer: MultiTaskInferencer, files: tuple[Path, Path]) -> None:
    """The preference changes between two images of one call."""
    inferencer.set_preference(PREFERENCES[0])
    wanted = expected(init_model(*files), [image(), image(seed=1)], PREFERENCES[0])
    pipeline, calls = inferencer.pipeline, itertools.count()
    states = {(0, 0): {"bn1.running_mean": torch.full((4,), 0.3)}}

    def switching(*arguments: Any) -> Any:
        inferencer.set_preference(PREFERENCES[1 + next(calls)])
        inferencer.model.attach_states(states)
        return pipeline(*arguments)

    inferencer.pipeline = switching
    done = inferencer([image(), image(seed=1)])
    for prediction, single in zip(done["predictions"], wanted, strict=True):
        assert_same(maps(prediction), single)
    assert inferencer.model.selection.preference != done["selection"].preference


def test_memory_does_not_grow(inferencer: MultiTaskInferencer) -> None:
    def switch_and_run(times: int) -> None:
        for _, asked in zip(range(times), itertools.cycle(PREFERENCES), strict=False):
            inferencer.set_preference(asked)
            inferencer(image(16, 16))

    switch_and_run(8)
    gc.collect()
    tracemalloc.start()
    try:
        switch_and_run(4)
        gc.collect()
        before, objects = tracemalloc.get_traced_memory()[0], len(gc.get_objects())
        switch_and_run(20)
        gc.collect()
        grown, more = tracemalloc.get_traced_memory()[0] - before, len(gc.get_objects()) - objects
    finally:
        tracemalloc.stop()
    # A selection that is kept would add 50 tensors and 5 kB each time; Python's own caches fill up a little.
    assert grown < 20 * 2_000
    assert more < 50


def test_bad_calls(inferencer: MultiTaskInferencer, files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"config 'nowhere\.py' does not exist"):
        MultiTaskInferencer("nowhere.py")
    with pytest.raises(ValueError, match="If model is None, the weights must be specified"):
        MultiTaskInferencer()
    with pytest.raises(ValueError, match="has no config in it: give the config file, too"):
        MultiTaskInferencer(weights=files[1])
    with pytest.raises(ValueError, match="weights are given beside a model"):
        MultiTaskInferencer(inferencer.model, files[1])
    with pytest.raises(ValueError, match=r"names unknown tasks \['edges'\]"):
        inferencer.set_preference({"edges": 1})
    with pytest.raises(ValueError, match="unknown argument"):
        inferencer(image(), out_file="x.png")
    with pytest.raises(ValueError, match="map_format='tiff' is unknown"):
        inferencer(image(), out_dir=tmp_path, map_format="tiff")
    with pytest.raises(ValueError, match="save_video needs an out_dir, and a video"):
        inferencer(image(), out_dir=tmp_path, save_video=True)
    with pytest.raises(ValueError, match="is a file"):
        inferencer(image(), out_dir=files[0])
    with pytest.raises(ValueError, match="has no images"):
        inferencer(str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"input 'nowhere\.jpg' does not exist"):
        inferencer(["nowhere.jpg"])
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(ValueError, match=r"text\.jpg' is no image that can be read"):
        inferencer(tmp_path / "text.jpg")
    with pytest.raises(ValueError, match=r"text\.jpg' is no image that can be read; 2 images before it are written"):
        inferencer([image(), image(), tmp_path / "text.jpg"], out_dir=tmp_path / "some")
    assert len(written(tmp_path / "some")) == 2 * (len(tiny.TASKS) + 1)
    with pytest.raises(TypeError, match="must be uint8"):
        inferencer(np.zeros((4, 4, 3)))
