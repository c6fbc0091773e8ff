"""Single steps of the searches for static trees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from mmengine.registry import init_default_scope
from torch import Tensor

from mmdymu.engine import BMTASObjective, LTBObjective
from mmdymu.models import ControllableSegmentor
from mmdymu.preference import Preference
from mmdymu.registry import OBJECTIVES
from mmdymu.search import expected_resource
from mmdymu.tree import BranchingTree

WEIGHTS = {"semseg": 1.0, "depth": 3.0, "normals": 20.0}
FREE = {"stream": tiny.SHORT, "edge_hypernet": {"type": "FreeEdges"}, "weight_hypernet": None}
PARTS = ("backbone", "heads", "edge_hypernet")


@pytest.fixture
def model() -> ControllableSegmentor:
    model = tiny.build_model(**FREE)
    torch.nn.init.normal_(model.edge_hypernet.logits, generator=torch.Generator().manual_seed(0))
    return model


def begin(model: ControllableSegmentor, kind: str, **settings: Any) -> Any:
    init_default_scope("mmdymu")
    objective = OBJECTIVES.build({"type": kind, "loss_weights": WEIGHTS, **settings})
    objective.prepare(model, tiny.frames(), resumed=False)
    model.begin_stage(objective)
    return objective


def losses(model: ControllableSegmentor, step: int, steps: int) -> dict[str, Tensor]:
    torch.manual_seed(step)
    images = torch.randn(2, 3, *tiny.SIZE, generator=torch.Generator().manual_seed(1))
    batch = {"preferences": [], "step": step, "progress": step / steps}
    return model(images, tiny.samples(), mode="loss", **batch)


def moved(model: ControllableSegmentor, found: dict[str, Tensor]) -> set[str]:
    """Parts that get gradients from a step's losses."""
    model.zero_grad()
    sum(value for name, value in found.items() if "loss" in name).backward()  # type: ignore[union-attr]
    return {name.split(".")[0] for name, parameter in model.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize(("step", "temperature"), [(0, 5.0), (4, 2**-0.5), (8, 0.1)])
def test_ltb_trains_everything_on_soft_samples(
    model: ControllableSegmentor, monkeypatch: pytest.MonkeyPatch, step: int, temperature: float
) -> None:
    begin(model, "LTBObjective")
    asked: list[float] = []

    def uniform(logits: Tensor, tau: float) -> Tensor:
        asked.append(tau)
        return (0 * logits).softmax(-1)

    monkeypatch.setattr("torch.nn.functional.gumbel_softmax", uniform)
    found = losses(model, step, 8)
    assert asked == [pytest.approx(temperature)]
    assert found["temperature"].item() == pytest.approx(temperature)
    torch.manual_seed(step)  # the heads' dropout
    images = torch.randn(2, 3, *tiny.SIZE, generator=torch.Generator().manual_seed(1))
    soft = model.backbone.forward_soft(images, torch.full((3, 3, 3), 1 / 3))
    single, _ = model.task_losses(model.run_heads(soft), tiny.samples())
    torch.testing.assert_close(found["loss_tasks"], (single * torch.tensor([1.0, 3.0, 20.0])).sum())


def test_ltb_has_no_other_loss_and_moves_all_parts(model: ControllableSegmentor) -> None:
    begin(model, "LTBObjective")
    found = losses(model, 0, 8)
    assert [name for name in found if "loss" in name] == ["loss_tasks"]
    assert moved(model, found) == {*PARTS}
    assert all(p.grad.any() for p in model.backbone.parameters() if p.dim() == 4)
    assert model.edge_hypernet.logits.grad.any()


def test_ltb_ends_with_the_most_likely_parents(model: ControllableSegmentor) -> None:
    objective = begin(model, "LTBObjective")
    logits = model.edge_hypernet.logits.detach().clone()
    objective.finish(model)
    tree = BranchingTree.from_logits(logits)
    assert model.edge_hypernet.is_decided
    assert model.predict_tree(tiny_preference(model)) == tree


def test_bmtas_warms_up_with_the_anchor(model: ControllableSegmentor) -> None:
    begin(model, "BMTASObjective", warmup=0.5, cycle=2, architecture_share=0.5)
    found = losses(model, 0, 8)
    torch.manual_seed(0)
    images = torch.randn(2, 3, *tiny.SIZE, generator=torch.Generator().manual_seed(1))
    single, _ = model.tree_losses(images, tiny.samples(), model.anchor_tree)
    torch.testing.assert_close(found["loss_tasks"], (single * torch.tensor([1.0, 3.0, 20.0])).sum())
    assert "loss_resource" not in found
    assert moved(model, found) == {"backbone", "heads"}


def test_bmtas_steps_take_turns(model: ControllableSegmentor) -> None:
    begin(model, "BMTASObjective", warmup=0.25, cycle=5, architecture_share=0.4)
    parts = [moved(model, losses(model, step, 12)) for step in range(12)]
    weights, choices = {"backbone", "heads"}, {"edge_hypernet"}
    assert parts == [weights] * 5 + [choices] * 2 + [weights] * 3 + [choices] * 2


def test_bmtas_pays_for_expected_trunks_in_architecture_steps(model: ControllableSegmentor) -> None:
    begin(model, "BMTASObjective", warmup=0.0, cycle=2, architecture_share=0.5, lambda_resource=0.7)
    found = losses(model, 0, 8)
    costs = torch.tensor([row[0] for row in model.complexity.node_flops])
    trunks = expected_resource(model.edge_hypernet.logits.softmax(-1), costs / costs.sum())
    assert 1 < trunks < 3
    torch.testing.assert_close(found["loss_resource"], 0.7 * trunks)
    torch.testing.assert_close(found["share"], (trunks.detach() - 1) / 2)
    exact = BMTASObjective(lambda_resource=0.7, exact_resource=True, loss_weights=WEIGHTS)
    exact.prepare(model, tiny.frames(), resumed=False)
    model.begin_stage(exact)
    assert losses(model, 5, 8)["loss_resource"] < found["loss_resource"]


@pytest.mark.parametrize(("step", "temperature"), [(2, 5.0), (5, 2.55), (8, 0.1)])
def test_bmtas_temperature_falls_linearly_after_the_warm_up(
    model: ControllableSegmentor, monkeypatch: pytest.MonkeyPatch, step: int, temperature: float
) -> None:
    begin(model, "BMTASObjective", warmup=0.25)
    asked: list[float] = []

    def uniform(logits: Tensor, tau: float) -> Tensor:
        asked.append(tau)
        return (0 * logits).softmax(-1)

    monkeypatch.setattr("torch.nn.functional.gumbel_softmax", uniform)
    losses(model, step, 8)
    assert asked == [pytest.approx(temperature)]


def test_bmtas_ends_with_the_intersected_choices(model: ControllableSegmentor) -> None:
    objective = begin(model, "BMTASObjective")
    choices = torch.tensor([[2, 2, 2], [1, 1, 0], [2, 2, 2]])
    model.edge_hypernet.logits.data.copy_(torch.eye(3)[choices])
    objective.finish(model)
    assert model.predict_tree(tiny_preference(model)).paths == ((0, 0, 0), (0, 0, 0), (0, 2, 2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": (5.0, 0.0)}, "temperature="),
        ({"temperature": (5.0,)}, "temperature="),
        ({"lambda_resource": -1.0}, "lambda_resource=-1.0"),
        ({"warmup": 1.0}, "warmup=1.0"),
        ({"cycle": 2}, "architecture_share=0.2 has 0 architecture steps"),
        ({"architecture_share": 1.0}, "has 50 architecture steps"),
    ],
)
def test_refuses_wrong_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BMTASObjective(**settings)


@pytest.mark.parametrize("objective", [LTBObjective(), BMTASObjective()])
def test_refuses_a_model_with_an_edge_hypernet(objective: LTBObjective) -> None:
    model = tiny.build_model(("semseg", "depth"), stream=tiny.SHORT)
    with pytest.raises(ValueError, match=r"edge_hypernet=dict\(type='FreeEdges'\), found EdgeHypernet"):
        objective.trained_modules(model)


def test_bmtas_refuses_more_tasks_than_it_can_group() -> None:
    tasks = [f"depth{number}" for number in range(8)]
    model = tiny.build_model(tasks, **FREE)
    with pytest.raises(ValueError, match=r"8 tasks: .*LTBObjective"):
        BMTASObjective().prepare(model, tiny.frames(tasks), resumed=False)


def test_loss_weights_are_kept_in_the_models_order_and_for_the_next_stage(
    model: ControllableSegmentor, tmp_path: Path
) -> None:
    begin(model, "LTBObjective")
    assert model.loss_scale.tolist() == [1, 3, 20]
    begin(model, "BMTASObjective", loss_weights=None)
    assert model.loss_scale.tolist() == [1, 3, 20]
    path = tmp_path / "single.pth"
    names = model.get_extra_state()
    torch.save({"state_dict": {"_extra_state": names, "loss_scale": torch.tensor([2.0, 3.0, 4.0])}}, path)
    begin(model, "LTBObjective", loss_weights=str(path))
    assert model.loss_scale.tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    "given", [{"semseg": 1.0}, {**WEIGHTS, "edges": 1.0}, {**WEIGHTS, "depth": 0.0}, {**WEIGHTS, "depth": float("nan")}]
)
def test_refuses_wrong_loss_weights(model: ControllableSegmentor, given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="loss_weights"):
        begin(model, "LTBObjective", loss_weights=given)


def test_refuses_checkpoints_of_other_models(model: ControllableSegmentor, tmp_path: Path) -> None:
    path = str(tmp_path / "single.pth")
    torch.save({"state_dict": {"loss_scale": torch.ones(3)}}, path)
    with pytest.raises(ValueError, match="names no tasks"):
        begin(model, "BMTASObjective", loss_weights=path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        begin(model, "BMTASObjective", loss_weights=str(tmp_path / "none.pth"))


def test_a_checkpoint_whose_scale_is_unknown_needs_its_streams(model: ControllableSegmentor, tmp_path: Path) -> None:
    path = str(tmp_path / "single.pth")
    names = model.state_dict()["_extra_state"]
    torch.save({"state_dict": {"_extra_state": names, "loss_scale": torch.full((3,), torch.nan)}}, path)
    with pytest.raises(ValueError, match="belongs to another network"):
        begin(model, "BMTASObjective", loss_weights=path)


def tiny_preference(model: ControllableSegmentor) -> Preference:
    return Preference.parse([0.7, 0.2, 0.1], cost_weight=1.0, tasks=model.tasks)
