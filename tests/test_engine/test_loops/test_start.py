from __future__ import annotations

from collections.abc import Sequence

import pytest
import tiny
import torch

from mmdymu.engine.loops import start
from mmdymu.engine.loops.start import check_start, stream_distance
from mmdymu.models import ControllableSegmentor


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    written: list[str] = []
    monkeypatch.setattr(start, "print_log", lambda text, *_: written.append(text))
    return written


@pytest.fixture
def model() -> ControllableSegmentor:
    equal = tiny.build_model(stream=tiny.SHORT)
    equal.backbone.init_weights()
    return equal


def test_distance_of_copies_scaled_and_unrelated_streams(model: ControllableSegmentor) -> None:
    assert stream_distance(model) == 0
    with torch.no_grad():
        for parameter in model.backbone.streams[2].parameters():
            parameter.mul_(1.25)
    assert stream_distance(model) == pytest.approx(0.25)
    with torch.no_grad():
        for first, parameter in zip(*(stream.parameters() for stream in model.backbone.streams[:2]), strict=True):
            parameter.copy_(first.square().mean().sqrt() * torch.randn(first.shape))
    assert stream_distance(model) == pytest.approx(2**0.5, abs=0.1)


def test_one_task_has_no_distance() -> None:
    assert stream_distance(tiny.build_model(("depth",), stream=tiny.SHORT)) == 0


@pytest.mark.parametrize(
    ("stages", "loaded", "warns"),
    [
        (("anchor",), False, True),
        (("trunk", "anchor"), False, False),
        (("anchor",), True, False),
        (("edges",), False, False),
    ],
)
def test_warns_of_a_random_start(
    model: ControllableSegmentor, lines: list[str], stages: Sequence[str], loaded: bool, warns: bool
) -> None:
    check_start(model, stages, loaded)
    assert bool(lines) == warns
    if warns:
        assert "'trunk' stage" in lines[0]


def test_pretrained_streams_are_fine(model: ControllableSegmentor, lines: list[str]) -> None:
    model.backbone.streams[0]._wrapped[0].init_cfg = {"type": "Pretrained", "checkpoint": "weights.pth"}
    check_start(model, ("anchor",), False)
    assert not lines


def test_unlike_streams_are_refused_for_the_anchor_only(lines: list[str]) -> None:
    model = tiny.build_model(stream=tiny.SHORT)
    check_start(model, ("edges",), False)
    check_start(model, ("anchor",), True)
    with pytest.raises(ValueError, match=r"init_cfg=dict\(type='Pretrained'"):
        check_start(model, ("anchor",), False)


def test_warns_of_unrelated_single_task_checkpoints(model: ControllableSegmentor, lines: list[str]) -> None:
    model.anchor_checkpoints = dict.fromkeys(tiny.TASKS, "a.pth")
    check_start(model, ("edges",), False)
    assert not lines
    model.backbone.streams[1].init_weights()
    check_start(model, ("edges",), False)
    assert "single-task checkpoints" in lines[0]
