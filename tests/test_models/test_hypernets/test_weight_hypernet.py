"""Shifts of norm parameters, node by node."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmdymu.models.hypernets import WeightHypernet

CHANNELS = {(0, 0): 4, (0, 1): 4, (1, 0): 10, (1, 1): 10}
HEAD, PLAIN = (3, 0), (2, 1)
PARTS = {
    **{node: nn.Sequential(nn.Conv2d(3, size, 1), nn.BatchNorm2d(size)) for node, size in CHANNELS.items()},
    PLAIN: nn.Conv2d(3, 4, 1),
    HEAD: nn.BatchNorm2d(7),
}


def random_net(num_tasks: int = 2) -> WeightHypernet:
    net = WeightHypernet(num_tasks, 3, PARTS)
    for parameter in net.deltas.parameters():
        parameter.data.normal_()
    return net


def test_starts_without_any_shift() -> None:
    net = WeightHypernet(3, 3, PARTS)
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
    net = WeightHypernet(2, 3, PARTS)
    deltas = net(torch.tensor([0.5, 0.5]), torch.tensor(0.0), [(1, 1)])
    (deltas[1, 1] - 1).square().sum().backward()
    assert net.deltas["1_1"].weight.grad.any()
    assert net.deltas["0_0"].weight.grad is None


def test_makes_the_norms_of_nodes_only() -> None:
    net = random_net()
    weights, cost = torch.tensor([0.3, 0.7]), torch.tensor(0.5)
    states = net.states(weights, cost, {node: PARTS[node] for node in ((1, 0), PLAIN, HEAD)})
    assert {node: list(state) for node, state in states.items()} == {(1, 0): ["1.weight", "1.bias"]}
    delta = net(weights, cost, [(1, 0)])[1, 0]
    torch.testing.assert_close(states[1, 0]["1.weight"], 1 + delta[0])
    torch.testing.assert_close(states[1, 0]["1.bias"], delta[1])


def test_refuses_nodes_that_it_was_not_built_for() -> None:
    net = WeightHypernet(2, 3, {node: PARTS[node] for node in ((0, 0), HEAD)})
    with pytest.raises(ValueError, match=r"nodes \(layer, stream\) \[\(1, 0\)\]: give model.edge_hypernet.tree"):
        net.states(torch.ones(2) / 2, torch.tensor(0.0), {(1, 0): PARTS[1, 0]})
