from __future__ import annotations

from collections.abc import Sequence

import pytest
import tiny
import torch

from mmdymu.engine import AnchorObjective, EdgeObjective, WeightObjective
from mmdymu.engine.loops import start
from mmdymu.engine.loops.start import check_start, renew_hypernets, stream_distance
from mmdymu.engine.objectives import StageObjective
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
        (("trunk", "anchor", "edges"), False, False),
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


@pytest.mark.parametrize(("loaded", "warns"), [(False, True), (True, False)])
def test_warns_of_edges_without_an_anchor(
    model: ControllableSegmentor, lines: list[str], loaded: bool, warns: bool
) -> None:
    check_start(model, ("edges",), loaded)
    assert bool(lines) == warns
    if warns:
        assert "without a trained anchor" in lines[0]


def trained_model() -> ControllableSegmentor:
    model = tiny.build_model(stream=tiny.SHORT)
    for name in ("path_losses", "loss_scale", "affinity"):
        model.get_buffer(name).fill_(1.0)
    with torch.no_grad():
        for hypernet in (model.edge_hypernet, model.weight_hypernet):
            for parameter in hypernet.parameters():
                parameter.fill_(3.0)
    return model


def edges() -> EdgeObjective:
    return EdgeObjective({"type": "BranchingRegularizedLoss"})


def test_loaded_hypernets_start_anew_and_the_anchor_stays(lines: list[str]) -> None:
    model = trained_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    renew_hypernets(model, [edges(), WeightObjective()])
    for name, value in model.state_dict().items():
        anew = name.startswith(("edge_hypernet.", "weight_hypernet.")) or value.isnan().any()
        assert torch.equal(value, before[name]) != anew, name
    assert not model.is_controllable
    assert all(not parameter.any() for parameter in model.weight_hypernet.deltas.parameters())
    assert len(lines) == 1


@pytest.mark.parametrize("objectives", [[WeightObjective()], [AnchorObjective()]])
def test_loaded_hypernets_stay_where_the_edges_are_not_trained(
    lines: list[str], objectives: list[StageObjective]
) -> None:
    model = trained_model()
    renew_hypernets(model, objectives)
    assert model.is_controllable
    assert all(bool((parameter == 3).all()) for parameter in model.edge_hypernet.parameters())
    assert not lines
