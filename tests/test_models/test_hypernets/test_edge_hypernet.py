"""Logits of the branching decisions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmdymu.models.hypernets import EdgeHypernet


@pytest.mark.parametrize(("num_tasks", "num_layers"), [(2, 1), (3, 5), (5, 8), (20, 4)])
def test_shape_and_gradients(num_tasks: int, num_layers: int) -> None:
    net = EdgeHypernet(num_tasks, num_layers)
    weights = torch.rand(3, num_tasks).softmax(-1)
    logits = net(weights, torch.rand(3))
    assert logits.shape == (3, num_layers, num_tasks, num_tasks)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


def test_has_the_sizes_of_the_method() -> None:
    net = EdgeHypernet(3, 5)
    found = [(layer.in_features, layer.out_features) for layer in net.modules() if isinstance(layer, nn.Linear)]
    assert found == [(32, 100), (100, 100), (100, 5 * 3 * 3)]
    deeper = EdgeHypernet(3, 5, embedding_dim=4, hidden=6, hidden_layers=3)
    found = [(layer.in_features, layer.out_features) for layer in deeper.modules() if isinstance(layer, nn.Linear)]
    assert found == [(4, 6), (6, 6), (6, 6), (6, 45)]


def test_one_linear_output_per_layer() -> None:
    net = EdgeHypernet(3, 4)
    weights, cost = torch.rand(2, 3), torch.rand(2)
    hidden = net.trunk(net.embedding(weights, cost))
    logits = net(weights, cost)
    for layer in range(4):
        rows = slice(layer * 9, (layer + 1) * 9)
        alone = hidden @ net.logits.weight[rows].T + net.logits.bias[rows]
        torch.testing.assert_close(logits[:, layer].flatten(1), alone)


def test_preferences_of_a_batch_are_independent() -> None:
    net = EdgeHypernet(3, 4)
    weights, cost = torch.rand(5, 3), torch.rand(5)
    together = net(weights, cost)
    alone = torch.cat([net(weights[i : i + 1], cost[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(together, alone)


def test_depends_on_every_task_and_on_the_cost_weight() -> None:
    net = EdgeHypernet(4, 2)
    weights = torch.full((1, 4), 0.25, requires_grad=True)
    cost = torch.full((1,), 0.5, requires_grad=True)
    net(weights, cost).square().sum().backward()
    assert weights.grad is not None and (weights.grad != 0).all()
    assert cost.grad is not None and (cost.grad != 0).all()


def test_renaming_tasks_with_their_vectors_changes_nothing() -> None:
    net = EdgeHypernet(4, 3)
    weights, cost = torch.rand(2, 4), torch.rand(2)
    before = net(weights, cost)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        net.embedding.tasks.copy_(net.embedding.tasks[order].clone())
    torch.testing.assert_close(net(weights[:, order], cost), before)
