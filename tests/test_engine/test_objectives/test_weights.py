from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch

from mmdymu import BranchingTree, Preference
from mmdymu.engine import WeightObjective
from mmdymu.models import ControllableSegmentor


@pytest.fixture
def model() -> ControllableSegmentor:
    built = tiny.build_model(stream=tiny.SHORT)
    built.loss_scale.copy_(torch.tensor([1.0, 2.0, 0.5]))
    return built


def test_the_loss_is_that_of_the_likely_tree_with_batch_statistics(model: ControllableSegmentor) -> None:
    objective = WeightObjective(statistics="batch")
    model.begin_stage(objective)
    (batch,) = tiny.frames().batches(model)
    preference = Preference(tiny.TASKS, (0.5, 0.3, 0.2), 0.4)
    losses = objective.losses(model, preferences=[preference], inputs=batch.inputs, data_samples=batch.data_samples)
    model.set_norm_statistics("batch")
    model.eval()
    # Untrained shifts are zero.
    single, _ = model.task_losses(model.run_tree(batch.inputs, model.predict_tree(preference)), batch.data_samples)
    expected = float((torch.tensor([0.5, 0.6, 0.1]) * single).sum())
    assert {name: float(value) for name, value in losses.items()} == {"loss_tasks": pytest.approx(expected, rel=1e-5)}


def test_by_default_the_loss_is_that_of_the_test(model: ControllableSegmentor) -> None:
    (batch,) = tiny.frames().batches(model)
    model.train()
    model.run_tree(batch.inputs, model.anchor_tree)  # Running statistics that are not those of a new model.
    objective = WeightObjective()
    model.begin_stage(objective)
    with torch.no_grad():
        for output in model.weight_hypernet.deltas.values():
            output.bias.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
    before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
    preference = Preference(tiny.TASKS, (0.5, 0.3, 0.2), 0.4)
    values = {"inputs": batch.inputs, "data_samples": batch.data_samples}
    losses = objective.losses(model, preferences=[preference], **values)
    losses["loss_tasks"].backward()
    assert any(parameter.grad.abs().sum() > 0 for parameter in model.weight_hypernet.deltas.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.backbone.state_dict().items())

    model.eval()
    model.set_preference(preference)
    single, _ = model.task_losses(model(batch.inputs), batch.data_samples)
    expected = float((torch.tensor([0.5, 0.6, 0.1]) * single).sum())
    assert float(losses["loss_tasks"]) == pytest.approx(expected, rel=1e-5)
    other = WeightObjective(statistics="batch")
    model.begin_stage(other)
    assert float(other.losses(model, preferences=[preference], **values)["loss_tasks"]) != pytest.approx(expected, 1e-3)


def test_every_owned_parameter_gets_a_gradient(model: ControllableSegmentor) -> None:
    objective = WeightObjective()
    model.begin_stage(objective)
    (batch,) = tiny.frames().batches(model)
    losses = objective.losses(
        model, preferences=[Preference.uniform(tiny.TASKS)], inputs=batch.inputs, data_samples=batch.data_samples
    )
    losses["loss_tasks"].backward()
    assert all(parameter.grad is not None for parameter in model.weight_hypernet.parameters())
    used = [
        (layer, i)
        for layer, nodes in enumerate(model.predict_tree(Preference.uniform(tiny.TASKS)).used_nodes)
        for i in nodes
    ]
    for (layer, i), output in [((int(k[0]), int(k[2])), v) for k, v in model.weight_hypernet.deltas.items()]:
        assert bool(output.bias.grad.abs().sum() > 0) == ((layer, i) in used)


def test_sampled_trees_follow_the_probabilities(model: ControllableSegmentor) -> None:
    preference = Preference.uniform(tiny.TASKS)
    with torch.no_grad():
        model.edge_hypernet.logits.weight.zero_()
        model.edge_hypernet.logits.bias.copy_(torch.tensor([0.7, 0.2, 0.1]).log().repeat(9))
    objective = WeightObjective(trees="sampled")
    trees = [objective._tree(model, preference).parents for _ in range(400)]
    shares = np.bincount(np.array(trees).ravel(), minlength=3) / (400 * 9)
    assert shares == pytest.approx([0.7, 0.2, 0.1], abs=0.04)
    assert WeightObjective()._tree(model, preference) == BranchingTree.shared(3, 3, 0)


def test_refuses_unknown_trees() -> None:
    with pytest.raises(ValueError, match="trees='best'"):
        WeightObjective(trees="best")


def test_refuses_unknown_statistics() -> None:
    with pytest.raises(ValueError, match="statistics='calibrated' is unknown"):
        WeightObjective(statistics="calibrated")
