from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.fx import symbolic_trace

from mmdymu.deploy.folding import fold_norms, folded


def norm(channels: int, kind: type[nn.Module] = nn.BatchNorm2d, **options: bool) -> nn.Module:
    layer = kind(channels, **options)
    with torch.no_grad():
        layer.running_mean.normal_()
        layer.running_var.uniform_(0.5, 2)
        if layer.weight is not None:
            layer.weight.normal_()
            layer.bias.normal_()
    return layer


class Misleading(nn.Module):
    """Registered in another order than run: pairs by registration are wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.norm1 = norm(4)
        self.conv1 = nn.Conv2d(3, 4, 3, bias=False)
        self.norm2 = norm(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))


class Before(nn.Module):
    """The norm comes before the convolution, and another reads a convolution that has two readers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.conv1, self.norm2 = norm(3), nn.Conv2d(3, 4, 1), norm(4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(self.norm1(x))
        return y + self.norm2(y)


class Twice(nn.Module):
    """One convolution runs twice, once with a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), norm(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(self.conv(x)))


@pytest.mark.parametrize(("make", "count"), [(Misleading, 2), (Before, 0), (Twice, 0)])
def test_only_true_pairs_are_folded(make: Callable[[], nn.Module], count: int) -> None:
    module, x = make().eval(), torch.randn(2, 3, 8, 8)
    network = symbolic_trace(module)
    with torch.no_grad():
        wanted = module(x)
        assert fold_norms(network) == count
        torch.testing.assert_close(network(x), wanted, rtol=1e-5, atol=1e-5)
    left = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    assert len(left) == len([part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]) - count


@pytest.mark.parametrize(
    ("conv", "after"),
    [
        (nn.Conv2d(4, 6, 3, groups=2, bias=False), norm(6)),
        (nn.Conv2d(4, 6, 3, stride=2, dilation=2), norm(6, affine=False)),
        (nn.ConvTranspose2d(4, 6, 3, groups=2), norm(6)),
        (nn.ConvTranspose2d(4, 6, 3, stride=2, bias=False), norm(6)),
        (nn.Conv1d(4, 6, 3), norm(6, nn.BatchNorm1d)),
    ],
)
def test_every_kind_of_convolution(conv: nn.Module, after: nn.Module) -> None:
    module = nn.Sequential(conv, after).eval()
    x = torch.randn(2, 4, 9) if isinstance(conv, nn.Conv1d) else torch.randn(2, 4, 9, 9)
    network = symbolic_trace(module)
    with torch.no_grad():
        wanted = module(x)
        assert fold_norms(network) == 1
        torch.testing.assert_close(network(x), wanted, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(module(x), wanted, rtol=0, atol=0)


def test_norms_without_statistics_stay() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False), nn.GroupNorm(2, 4)).eval()
    assert fold_norms(symbolic_trace(module)) == 0


def test_folded_weights_by_hand() -> None:
    layer = norm(1).eval()
    with torch.no_grad():
        layer.running_mean.fill_(3.0)
        layer.running_var.fill_(4.0 - layer.eps)
        layer.weight.fill_(10.0)
        layer.bias.fill_(0.5)
    weight, bias = folded(torch.ones(1, 1, 1, 1), torch.tensor([7.0]), layer)
    assert weight.item() == pytest.approx(5.0)
    assert bias.item() == pytest.approx(20.5)
