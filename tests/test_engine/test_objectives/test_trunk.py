"""The trunk stage's weights of the task losses."""

from __future__ import annotations

import pytest
import tiny
import torch
from torch import Tensor

from mmdymu.engine import TrunkObjective
from mmdymu.models import ControllableSegmentor

BATCH = {"inputs": torch.randn(2, 3, *tiny.SIZE), "data_samples": tiny.samples()}


def losses(model: ControllableSegmentor, *args: object) -> dict[str, Tensor]:
    return TrunkObjective(*args).losses(model, **BATCH)


def gradients(model: ControllableSegmentor, *args: object) -> list[Tensor]:
    parameters = [*model.backbone.streams[0].parameters(), *model.heads.parameters()]
    found = torch.autograd.grad(sum(v for k, v in losses(model, *args).items() if "loss" in k), parameters)
    return list(found)


def test_inverse_weights_are_one_over_the_losses_of_the_step() -> None:
    model = tiny.build_model().eval()
    plain = losses(model)
    values = {task: float(plain[f"{task}.loss"]) for task in model.tasks}
    assert len({round(value, 3) for value in values.values()}) > 1
    weighted = gradients(model, {task: 1 / value for task, value in values.items()})
    for found, expected in zip(gradients(model, "inverse"), weighted, strict=True):
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_inverse_weights_do_not_depend_on_units(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.build_model().eval()
    before = gradients(model, "inverse")
    plain = model.tree_losses
    scale = torch.tensor([1.0, 50.0, 0.02])

    def scaled(*args: object, **kwargs: object) -> tuple[Tensor, dict[str, Tensor]]:
        values, logs = plain(*args, **kwargs)
        return scale * values, logs

    monkeypatch.setattr(model, "tree_losses", scaled)
    for found, expected in zip(gradients(model, "inverse"), before, strict=True):
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_a_batch_without_labels_of_a_task_trains_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.build_model().eval()
    plain = model.tree_losses

    def without_first(*args: object, **kwargs: object) -> tuple[Tensor, dict[str, Tensor]]:
        values, logs = plain(*args, **kwargs)
        return values * values.new_tensor([0.0, 1.0, 1.0]), logs

    monkeypatch.setattr(model, "tree_losses", without_first)
    found = gradients(model, "inverse")
    assert all(torch.isfinite(gradient).all() for gradient in found)
    assert any(gradient.any() for gradient in found)


@pytest.mark.parametrize("value", ["inverted", [5, 1, 1], 2.0, False])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"loss_weights=.* must be numbers by task, 'inverse' or None"):
        TrunkObjective(value)
