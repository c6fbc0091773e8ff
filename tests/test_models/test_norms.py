"""Modes of batch norms."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mmdymu.models.norms import (
    batch_norms,
    fresh_statistics,
    update_running_statistics,
    use_batch_statistics,
    use_running_statistics,
)


def module() -> nn.Sequential:
    inner = nn.Sequential(nn.BatchNorm2d(3), nn.GroupNorm(1, 3))
    return nn.Sequential(nn.BatchNorm2d(3), nn.BatchNorm2d(3, track_running_stats=False), inner)


def by_hand(x: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    return (x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt()


def test_lists_the_norms_that_keep_statistics() -> None:
    assert [name for name, _ in batch_norms(module())] == ["0", "2.0"]


def test_batch_statistics_leave_the_buffers_alone() -> None:
    norm, x = nn.BatchNorm2d(3), 3 * torch.randn(4, 3, 5, 5) + 1
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    use_batch_statistics(norm)
    torch.testing.assert_close(norm(x), by_hand(x, x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)))
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())


def test_running_statistics_are_used_again() -> None:
    norm, x = nn.BatchNorm2d(3), 3 * torch.randn(4, 3, 5, 5) + 1
    norm.running_mean.normal_()
    use_batch_statistics(norm)
    use_running_statistics(norm)
    before = norm.running_mean.clone()
    torch.testing.assert_close(norm(x), by_hand(x, norm.running_mean, norm.running_var))
    assert torch.equal(norm.running_mean, before)


def test_training_follows_the_batches() -> None:
    norm, x = nn.BatchNorm2d(3), torch.randn(4, 3, 5, 5) + 1
    use_batch_statistics(norm)
    update_running_statistics(norm)
    norm(x)
    torch.testing.assert_close(norm.running_mean, 0.1 * x.mean((0, 2, 3)))
    assert norm.num_batches_tracked == 1


def test_fresh_statistics_collect_a_cumulative_mean_outside_the_module() -> None:
    net = nn.Sequential(nn.BatchNorm2d(3, momentum=None), nn.ReLU()).train()
    net[0].running_mean.fill_(7)
    state = fresh_statistics(net)
    assert set(state) == {"0.running_mean", "0.running_var", "0.num_batches_tracked"}
    batches = [torch.randn(4, 3, 5, 5) + i for i in range(3)]
    for batch in batches:
        functional_call(net, state, (batch,))
    expected = torch.stack([batch.mean((0, 2, 3)) for batch in batches]).mean(0)
    torch.testing.assert_close(state["0.running_mean"], expected)
    assert (net[0].running_mean == 7).all()
