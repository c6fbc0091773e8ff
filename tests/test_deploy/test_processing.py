from __future__ import annotations

import warnings

import pytest
import tiny_classes
import torch
from mmpretrain.structures import MultiTaskDataSample
from mmseg.structures import SegDataSample
from test_deploy.nets import build, build_classifier, byte_images, difference, images, on_one_trunk, preferences
from torch import nn

from mmdymu.deploy import fix

TASKS = ("semseg", "saliency", "depth", "normals")
FIELDS = {"semseg": "pred_sem_seg", "saliency": "seg_logits", "depth": "pred_depth_map", "normals": "pred_normals"}
PREPROCESSOR = {
    "type": "mmdymu.MultiTaskDataPreprocessor",
    "mean": [120.0, 115.0, 100.0],
    "std": [58.0, 57.0, 56.0],
    "bgr_to_rgb": True,
    "size_divisor": 32,
    "pad_val": 0.5,
}


def plain_samples(size: tuple[int, int], count: int) -> list[MultiTaskDataSample]:
    samples = []
    for _ in range(count):
        sample = MultiTaskDataSample()
        for task in TASKS:
            sample.set_field(SegDataSample(metainfo={"ori_shape": size, "img_shape": size}), task)
        samples.append(sample)
    return samples


@pytest.mark.parametrize("size", [(32, 48), (35, 51)])
@pytest.mark.parametrize("changes", [PREPROCESSOR, {"type": "mmdymu.MultiTaskDataPreprocessor"}])
def test_bytes_in_and_maps_out_equal_the_models_predictions(size: tuple[int, int], changes: dict) -> None:
    model = build(tasks=TASKS, data_preprocessor=changes)
    model.heads["depth"].depth_range = (0.0, 0.5)
    preference = preferences(model, 1)[0]
    model.set_preference(preference)
    x = byte_images(size=size)
    with torch.no_grad():
        # Every class wins somewhere.
        raw = model(model.data_preprocessor({"inputs": list(x)}, False)["inputs"])["semseg"]
        model.heads["semseg"].conv_seg.bias.sub_(raw.mean((0, 2, 3)))
    data = {"inputs": list(x), "data_samples": plain_samples(size, len(x))}
    with torch.no_grad():
        predicted = model.test_step(data)
    network = fix(model, preference, fold=False, preprocess=True, postprocess=True)
    found = network(x)
    for task, field in FIELDS.items():
        wanted = torch.stack([sample.get(task).get(field).data for sample in predicted])
        torch.testing.assert_close(found[task], wanted, rtol=1e-5, atol=1e-5)
    assert found["semseg"].dtype == torch.int64
    assert len(found["semseg"].unique()) > 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(network)(x)
    assert all(torch.equal(scripted[task], found[task]) for task in found)


def test_preprocessing_alone_gives_raw_outputs() -> None:
    model = build(data_preprocessor=PREPROCESSOR)
    x = byte_images(3, (40, 50))
    data = model.data_preprocessor({"inputs": list(x)}, False)
    assert difference(fix(model, fold=False, preprocess=True)(x), model(data["inputs"])) <= 1e-6


def test_postprocessing_alone_takes_normalised_images() -> None:
    model = build()
    found = fix(model, postprocess=True)(images(size=(33, 50)))
    assert {output.shape[-2:] for output in found.values()} == {(33, 50)}
    torch.testing.assert_close(found["normals"].norm(dim=1), torch.ones(2, 33, 50))


def test_a_classifiers_probabilities() -> None:
    model = build_classifier()
    x = byte_images(3, (32, 32))
    data = {"inputs": list(x), "data_samples": tiny_classes.samples([("fish", 1), ("trees", 2), ("people", 0)])}
    found = fix(model, preprocess=True, postprocess=True)(x)
    for image, sample in enumerate(model.test_step(data)):
        (task,) = sample.keys()
        torch.testing.assert_close(found[task][image], sample.get(task).pred_score, rtol=1e-4, atol=1e-5)


def test_another_preprocessor_is_refused() -> None:
    model = build()
    model.data_preprocessor = nn.Identity()
    with pytest.raises(TypeError, match="the model has a Identity"):
        fix(model, preprocess=True)
    assert fix(model).manifest["input"] is None


@pytest.mark.parametrize("changes", [PREPROCESSOR, {"type": "mmdymu.MultiTaskDataPreprocessor"}])
@pytest.mark.parametrize(("kind", "limit"), [(torch.float16, 0.02), (torch.bfloat16, 0.1), (torch.float64, 1e-4)])
def test_bytes_into_a_cast_network(changes: dict, kind: torch.dtype, limit: float) -> None:
    # Outputs of random weights on unnormalised images are too large for half precision.
    model = on_one_trunk(build("resnet18", "FCNHead", ("semseg", "depth"), data_preprocessor=changes))
    x = byte_images()
    x = x if "mean" in changes else x.bitwise_and(3)
    wanted = fix(model, preprocess=True)(x)
    cast = fix(model, preprocess=True).to(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(cast)
    for network in (cast, scripted, fix(model.to(kind), preprocess=True)):
        found = network(x)
        assert {output.dtype for output in found.values()} == {kind}
        assert difference({task: output.to(wanted[task]) for task, output in found.items()}, wanted) <= limit


@pytest.mark.parametrize("divisor", [None, 32])
def test_images_are_resized_inside_and_maps_back(divisor: int | None) -> None:
    model = on_one_trunk(build("resnet18", "FCNHead", ("semseg", "depth"), data_preprocessor=PREPROCESSOR))
    model.data_preprocessor.size_divisor = divisor
    # Clamping stands before or behind the resizing: nothing is clamped here.
    nn.init.constant_(model.heads["depth"].decoder.conv_seg.bias, 10.0)
    x = torch.randint(0, 256, (2, 3, 71, 53), dtype=torch.uint8)
    small = nn.functional.interpolate(x.float(), (40, 48), mode="bilinear")
    network = fix(model, preprocess=True, postprocess=True, resize=(40, 48))
    plain = fix(model, preprocess=True, postprocess=False, resize=(40, 48))(x)
    assert difference(plain, fix(model, preprocess=True)(small)) <= 1e-6
    inside = fix(model, preprocess=True, postprocess=True)(small)["depth"]
    wanted = nn.functional.interpolate(inside, (71, 53), mode="bilinear")
    assert network(x)["semseg"].shape == (2, 1, 71, 53)
    assert inside.min() > 1
    torch.testing.assert_close(network(x)["depth"], wanted, rtol=1e-4, atol=1e-5)
    assert network.manifest["images"]["network_size"] == [40, 48]
    assert network.manifest["outputs"] == {"semseg": "class numbers", "depth": "metres"}


def test_a_size_without_preprocessing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"resize=\(4, 4\) must be height and width, together with preprocess=True"):
        fix(build(), resize=(4, 4))
