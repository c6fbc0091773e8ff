"""Shifts of norm parameters, node by node."""

from __future__ import annotations

import pytest
import torch

from mmdymu.models.hypernets import WeightHypernet

CHANNELS = {(0, 0): 4, (0, 1): 4, (1, 0): 10, (1, 1): 10}


def random_net(num_tasks: int = 2) -> WeightHypernet:
    net = WeightHypernet(num_tasks, CHANNELS)
    for parameter in net.deltas.parameters():
        parameter.data.normal_()
    return net


def test_starts_without_any_shift() -> None:
    net = WeightHypernet(3, CHANNELS)
    deltas = net(torch.tensor([0.2, 0.3, 0.5]), torch.tensor(0.4), list(CHANNELS))
    assert set(deltas) == set(CHANNELS)
    assert not any(delta.any() for delta in deltas.values())


@pytest.mark.parametrize("nodes", [[], [(0, 1)], [(1, 0), (0, 0)]])
def test_only_asked_nodes_get_shifts(nodes: list) -> None:
    net = random_net()
    found = net(torch.tensor([0.5, 0.5]), torch.tensor(0.0), nodes)
    everything = net(torch.tensor([0.5, 0.5]), torch.tensor(0.0), list(CHANNELS))
    assert list(found) == nodes
    for node in nodes:
        assert found[node].shape == (2, CHANNELS[node])
        assert torch.equal(found[node], everything[node])


def test_a_nodes_shift_is_linear_in_the_hidden_vector() -> None:
    net = random_net(3)
    weights, cost = torch.tensor([0.1, 0.2, 0.7]), torch.tensor(0.6)
    hidden = net.trunk(net.embedding(weights[None], cost[None]))[0]
    deltas = net(weights, cost, list(CHANNELS))
    for (layer, stream), size in CHANNELS.items():
        output = net.deltas[f"{layer}_{stream}"]
        expected = output.weight @ hidden + output.bias
        torch.testing.assert_close(deltas[layer, stream][0], expected[:size])
        torch.testing.assert_close(deltas[layer, stream][1], expected[size:])


def test_learns_from_the_zero_start() -> None:
    net = WeightHypernet(2, CHANNELS)
    deltas = net(torch.tensor([0.5, 0.5]), torch.tensor(0.0), [(1, 1)])
    (deltas[1, 1] - 1).square().sum().backward()
    assert net.deltas["1_1"].weight.grad.any()
    assert net.deltas["0_0"].weight.grad is None
