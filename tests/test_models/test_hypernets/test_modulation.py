"""(γ + Δγ) · (x − μ) / σ + (β + Δβ)."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import functional_call

from mmdymu.models.hypernets import modulated_state, norm_slots


def module() -> nn.Sequential:
    inner = nn.Sequential(nn.Conv2d(4, 6, 1), nn.GroupNorm(2, 6))
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), inner, nn.BatchNorm2d(6, affine=False))
    for parameter in net.parameters():
        parameter.data.normal_()
    net[1].running_mean.normal_()
    net[1].running_var.uniform_(0.5, 2)
    return net.eval()


def test_slots_are_the_affine_norms() -> None:
    assert norm_slots(module()) == (("1", 4), ("3.1", 6))
    assert norm_slots(nn.Conv2d(3, 4, 1)) == ()
    assert norm_slots(nn.Sequential(nn.SyncBatchNorm(5))) == (("0", 5),)


def test_zero_shifts_reproduce_the_module() -> None:
    net = module()
    state = modulated_state(net, norm_slots(net), torch.zeros(2, 10))
    assert set(state) == {"1.weight", "1.bias", "3.1.weight", "3.1.bias"}
    assert all(torch.equal(value, net.get_parameter(name)) for name, value in state.items())
    x = torch.randn(2, 3, 5, 5)
    assert torch.equal(functional_call(net, state, (x,)), net(x))


@pytest.mark.parametrize("training", [False, True])
def test_shifted_batch_norm_by_hand(training: bool) -> None:
    norm = module()[1]
    net = nn.Sequential(norm).train(training)
    deltas = torch.randn(2, 4)
    x = torch.randn(3, 4, 5, 5)
    mean, var = (x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)) if training else (
        norm.running_mean.clone(),
        norm.running_var.clone(),
    )  # fmt: skip
    found = functional_call(net, modulated_state(net, norm_slots(net), deltas), (x,))
    for c in range(4):
        normalised = (x[:, c] - mean[c]) / (var[c] + norm.eps).sqrt()
        expected = (norm.weight[c] + deltas[0, c]) * normalised + norm.bias[c] + deltas[1, c]
        torch.testing.assert_close(found[:, c], expected, rtol=1e-4, atol=1e-5)


def test_each_norm_takes_its_own_channels() -> None:
    net = module()
    deltas = torch.arange(20.0).reshape(2, 10)
    state = modulated_state(net, norm_slots(net), deltas)
    torch.testing.assert_close(state["1.weight"], net[1].weight + torch.arange(0.0, 4))
    torch.testing.assert_close(state["3.1.weight"], net[3][1].weight + torch.arange(4.0, 10))
    torch.testing.assert_close(state["1.bias"], net[1].bias + torch.arange(10.0, 14))
    torch.testing.assert_close(state["3.1.bias"], net[3][1].bias + torch.arange(14.0, 20))


def test_gradients_reach_the_shifts_and_leave_frozen_norms_alone() -> None:
    net = module().requires_grad_(False)
    deltas = torch.zeros(2, 10, requires_grad=True)
    state = modulated_state(net, norm_slots(net), deltas)
    functional_call(net.train(), state, (torch.randn(2, 3, 5, 5),)).square().sum().backward()
    assert deltas.grad is not None and deltas.grad.any()
    assert all(p.grad is None for p in net.parameters())
