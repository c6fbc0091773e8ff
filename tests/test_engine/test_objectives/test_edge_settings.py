from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tiny
import torch
from torch import Tensor

from mmdymu.models import ControllableSegmentor

TASKS = ("semseg", "depth")


@pytest.fixture
def model() -> ControllableSegmentor:
    return tiny.build_model(TASKS, stream=tiny.SHORT).eval()


def test_concentrations_take_turns() -> None:
    draws = tiny.build_edge_objective(concentrations=(0.01, 1000.0)).preferences(tiny.TASKS, np.random.default_rng(0))
    largest = [max(preference.weights) for preference in draws]
    assert any(value > 0.9 for value in largest)
    assert any(value < 0.4 for value in largest)
    assert {type(preference.cost_weight) for preference in draws} == {float}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regularizer": None}, r"regularizer=None .* dict\(type='mmdymu\.BranchingRegularizedLoss'"),
        ({"source": "disk"}, "source='disk'"),
        ({"decisions": "hard"}, "decisions='hard'"),
        ({"preferences_per_step": 0}, "preferences_per_step=0"),
        ({"concentrations": ()}, "concentrations"),
        ({"concentrations": (0.2, 0.0)}, "concentrations"),
        ({"images": 0}, "images=0 must be at least 1"),
        ({"affinity_images": 2}, "affinity_images=2 at least 3"),
    ],
)
def test_refuses_wrong_settings(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny.build_edge_objective(**changes)


def test_refuses_loss_weights_of_other_tasks(model: ControllableSegmentor) -> None:
    with pytest.raises(ValueError, match="loss_weights="):
        tiny.build_edge_objective(loss_weights={"depth": 1.0}).prepare(model, tiny.frames(TASKS), resumed=False)


def test_refuses_frames_without_labels(model: ControllableSegmentor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny, "_label", lambda task, image: _empty_label(task, image))
    with pytest.raises(ValueError, match=r"losses of \['depth'\]"):
        tiny.build_edge_objective().prepare(model, tiny.frames(TASKS), resumed=False)


def _empty_label(task: str, image: Tensor) -> tuple[str, Tensor]:
    if task == "depth":
        return "gt_depth_map", torch.zeros(1, *image.shape[1:])
    return "gt_sem_seg", torch.zeros(1, *image.shape[1:], dtype=torch.int64)
