"""Which statistics batch norms use, in tests and in training."""

from __future__ import annotations

import copy

import pytest
import tiny
import torch
from torch import Tensor, nn

from mmdymu.models import ControllableSegmentor


def buffers(model: ControllableSegmentor) -> dict[str, Tensor]:
    """Those of the norms; the model's own are stage results."""
    return {name: value.clone() for name, value in model.named_buffers() if "." in name}


def images(count: int = 4) -> Tensor:
    scale = torch.linspace(0.2, 3, count).reshape(-1, 1, 1, 1)
    return scale * torch.randn(count, 3, *tiny.SIZE)


@pytest.mark.parametrize("setting", ["running", "calibrated"])
def test_running_statistics_make_images_independent(setting: str) -> None:
    model, x = tiny.build_model().eval(), images()
    model.set_norm_statistics(setting)
    with torch.no_grad():
        together = model(x)
        alone = [model(image[None]) for image in x]
    for task in model.tasks:
        torch.testing.assert_close(together[task], torch.cat([output[task] for output in alone]))


def test_batch_statistics_normalise_with_the_test_batch() -> None:
    model, x = tiny.build_model().eval(), images()
    training = copy.deepcopy(model.backbone).train()
    model.set_norm_statistics("batch")
    before = buffers(model)
    with torch.no_grad():
        model(x)
        found = model.backbone(x, model.anchor_tree)
        expected = [stream(x) for stream in training.streams]
    for mine, theirs in zip(found, expected, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))
    assert all(torch.equal(value, before[name]) for name, value in buffers(model).items())


def test_batch_statistics_leave_dropout_off() -> None:
    model, x = tiny.build_model().eval(), images()
    model.set_norm_statistics("batch")
    assert any(isinstance(module, nn.Dropout2d) for module in model.modules())
    with torch.no_grad():
        first, second = model(x), model(x)
    assert all(torch.equal(first[task], second[task]) for task in model.tasks)


def test_the_setting_can_be_changed_back() -> None:
    model, x = tiny.build_model().eval(), images()
    with torch.no_grad():
        before = model(x)
        model.set_norm_statistics("batch")
        changed = model(x)
        model.set_norm_statistics("running")
        after = model(x)
    assert all(torch.equal(before[task], after[task]) for task in model.tasks)
    assert all(not torch.allclose(before[task], changed[task]) for task in model.tasks)


def test_the_setting_survives_a_round_of_training() -> None:
    model, x = tiny.build_model().eval(), images()
    model.set_norm_statistics("batch")
    with torch.no_grad():
        before = model(x)
        assert model.train().eval()(x)["semseg"].equal(before["semseg"])


@pytest.mark.parametrize("setting", ["running", "batch", "calibrated"])
def test_plain_training_updates_statistics_whatever_the_setting(setting: str) -> None:
    model = tiny.build_model().eval()
    model.set_norm_statistics(setting)
    model.train()
    before = buffers(model)
    with torch.no_grad():
        model(images())
    changed = {name for name, value in buffers(model).items() if not torch.equal(value, before[name])}
    assert {name for name in before if "running_mean" in name} <= changed


def test_refuses_an_unknown_setting() -> None:
    model = tiny.build_model()
    with pytest.raises(ValueError, match=r"norm_statistics='test' is unknown, use one of \('running', 'batch'"):
        model.set_norm_statistics("test")
    assert model.norm_statistics == "running"
