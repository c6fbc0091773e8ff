"""A stage owns its parameters; all else is frozen, parameters and buffers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import tiny
import torch
from torch import Tensor

from mmdymu.engine.objectives import (
    AnchorObjective,
    EdgeObjective,
    StageObjective,
    TrunkObjective,
    WeightObjective,
)
from mmdymu.models import ControllableSegmentor
from mmdymu.preference import Preference


def edge_objective() -> EdgeObjective:
    config = tiny.edge_objective()
    del config["type"]
    return EdgeObjective(**config)


STAGES: dict[str, tuple[Callable[[], StageObjective], tuple[str, ...]]] = {
    "trunk": (TrunkObjective, ("backbone.streams.0.", "heads.")),
    "anchor": (AnchorObjective, ("backbone.", "heads.")),
    "edges": (edge_objective, ("edge_hypernet.",)),
    "weights": (WeightObjective, ("weight_hypernet.",)),
}


def run(model: ControllableSegmentor) -> Tensor:
    """A training-mode pass through everything that a stage may use."""
    asked = [Preference.uniform(model.tasks)] * 2
    x, samples = torch.randn(2, 3, *tiny.SIZE), tiny.samples(model.tasks)
    states = model.norm_states(asked[0], model.anchor_tree)
    hard = model.run_tree(x, model.anchor_tree, states)
    soft = model.run_heads(model.backbone.forward_soft(x, model.edge_logits(asked).softmax(-1)))
    return sum(model.task_losses(outputs, samples)[0].sum() for outputs in (hard, soft))


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_owns_its_parameters_and_freezes_the_rest(name: str) -> None:
    objective, owned = STAGES[name]
    model = tiny.build_model()
    model.begin_stage(objective())
    assert {key for key, p in model.named_parameters() if p.requires_grad} == {
        key for key, _ in model.named_parameters() if key.startswith(owned)
    }
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        run(model).backward()
        optimizer.step()
    changed = {
        key for key, v in model.state_dict().items() if not torch.equal(v.nan_to_num(), before[key].nan_to_num())
    }
    assert changed
    assert all(key.startswith(owned) for key in changed)
    assert all(p.grad is None for key, p in model.named_parameters() if not key.startswith(owned))


@pytest.mark.parametrize("name", STAGES)
def test_testing_in_between_changes_nothing(name: str) -> None:
    model = tiny.build_model()
    model.begin_stage(STAGES[name][0]())
    modes = {key: module.training for key, module in model.named_modules()}
    tracked = {key: getattr(module, "track_running_stats", None) for key, module in model.named_modules()}
    model.eval()
    assert not any(module.training for module in model.modules())
    model.train()
    assert {key: module.training for key, module in model.named_modules()} == modes
    assert {key: getattr(module, "track_running_stats", None) for key, module in model.named_modules()} == tracked


def test_a_stage_forgets_the_selection() -> None:
    model = tiny.build_model()
    model.set_preference(Preference.uniform(model.tasks))
    model.begin_stage(AnchorObjective())
    assert model.selection is None


def test_the_stage_gives_the_losses() -> None:
    model = tiny.build_model()
    model.begin_stage(AnchorObjective())
    losses = model(torch.randn(2, 3, *tiny.SIZE), tiny.samples(), mode="loss")
    assert {f"{task}.loss" for task in model.tasks} <= set(losses)


def test_the_next_stage_thaws_what_it_owns() -> None:
    model = tiny.build_model()
    for name in ("edges", "anchor", "weights"):
        objective, owned = STAGES[name]
        model.begin_stage(objective())
        found = {key.split(".")[0] for key, p in model.named_parameters() if p.requires_grad}
        assert found == {key.rstrip(".") for key in owned}
