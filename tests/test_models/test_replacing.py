"""A stand-in computes what a module with other tensors computes, and the module stays as it is."""

from __future__ import annotations

import copy
import threading

import pytest
import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmdymu.models.replacing import with_tensors


def network() -> nn.Sequential:
    """Plain and nested norms; one norm is there twice."""
    norm = nn.BatchNorm2d(4)
    block = nn.Sequential(ConvModule(4, 4, 3, padding=1, norm_cfg={"type": "BN"}), norm, nn.ReLU())
    return nn.Sequential(nn.Conv2d(3, 4, 3), block, nn.Conv2d(4, 4, 1), norm).eval()


def changes(module: nn.Module, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    chosen = {name: value for name, value in named.items() if ".bn." in name or name.startswith("1.1.")}
    return {
        name: value + torch.rand(value.shape, generator=generator)
        for name, value in chosen.items()
        if value.is_floating_point()
    }


@torch.no_grad()
def test_equals_a_copy_with_these_tensors() -> None:
    module, x = network(), torch.randn(2, 3, 8, 8)
    state = changes(module, 1)
    by_hand = copy.deepcopy(module)
    for name, value in state.items():
        owner, _, leaf = name.rpartition(".")
        getattr(by_hand.get_submodule(owner), leaf).copy_(value)
    before, expected = module(x), by_hand(x)
    found = with_tensors(module, state)(x)
    assert torch.equal(found, expected)
    assert not torch.allclose(found, before)
    assert torch.equal(module(x), before)


def test_gradients_reach_the_replacements_and_buffers_are_written() -> None:
    module, x = network().train(), torch.randn(2, 3, 8, 8)
    drawn = changes(module, 1).items()
    state = {name: value.detach().requires_grad_() for name, value in drawn if "running" not in name}
    state |= {"1.1.running_mean": torch.zeros(4)}
    own = module[1][1].running_mean.clone()
    with_tensors(module, state)(x).sum().backward()
    assert state["1.0.bn.weight"].grad is not None
    assert module[1][0].bn.weight.grad is None
    assert state["1.1.running_mean"].abs().sum() > 0
    assert torch.equal(module[1][1].running_mean, own)


def test_shares_all_that_is_not_replaced() -> None:
    module = network()
    twin = with_tensors(module, {"1.0.bn.weight": torch.ones(4)})
    assert twin[0] is module[0]
    assert twin[1][1] is module[1][1]
    assert twin[1][0].conv is module[1][0].conv
    assert twin[1][0].bn.bias is module[1][0].bn.bias
    assert with_tensors(module, {}) is module


@pytest.mark.parametrize("name", ["nowhere.weight", "1.0.bn.nothing", "weight", "1.0"])
def test_refuses_a_tensor_that_the_module_lacks(name: str) -> None:
    with pytest.raises(KeyError, match=f"Sequential has no parameter or buffer '{name}'"):
        with_tensors(network(), {name: torch.ones(4)})


@torch.no_grad()
def test_threads_do_not_mix_their_tensors() -> None:
    module, x = network(), torch.randn(1, 3, 8, 8)
    states = [changes(module, seed) for seed in range(3)]
    expected = [module(x), *(with_tensors(module, state)(x) for state in states)]
    wrong: list[int] = []

    def run(number: int) -> None:
        for _ in range(60):
            with torch.no_grad():
                found = with_tensors(module, states[number - 1])(x) if number else module(x)
            if not torch.equal(found, expected[number]):
                wrong.append(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
