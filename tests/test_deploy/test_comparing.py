from __future__ import annotations

import pytest
import torch
from test_deploy.nets import build, on_one_trunk, preferences
from torch import Tensor, nn

from mmdymu.deploy import check_fixed, comparing
from mmdymu.models import ControllableNet


class Cancelling(nn.Module):
    """The difference of two equal sums but for 2^-15 of them; the folded layer's weights have no rounding."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Conv2d(32, 1, 3, padding=1, bias=False), nn.BatchNorm2d(1, eps=2.0**-20)
        self.other = nn.Conv2d(32, 1, 3, padding=1, bias=False)
        with torch.no_grad():
            self.layer.weight.copy_(torch.randint(1, 8, self.layer.weight.shape))
            self.norm.running_var.fill_(1 - 2.0**-20)
            self.norm.weight.fill_(1 + 409 / 4096)
            self.other.weight.copy_(self.layer.weight * self.norm.weight * (1 - 2.0**-15))

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        return self.norm(self.layer(features[-1])) - self.other(features[-1])


@pytest.fixture
def model() -> ControllableNet:
    return on_one_trunk(build("resnet18", "FCNHead", ("semseg", "depth")))


@pytest.mark.parametrize("fold", [False, True])
def test_a_fixed_network_passes(model: ControllableNet, fold: bool) -> None:
    for preference in (None, model.selection, preferences(model, 1)[0]):
        found, exact = check_fixed(model, preference, fold)
        assert found <= (1e-4 if fold else 1e-5)
        assert exact is None


def test_the_anchor_is_compared_too(model: ControllableNet) -> None:
    model.clear_preference()
    assert check_fixed(model)[0] <= 1e-4


@pytest.mark.parametrize(("fold", "when"), [(False, "before folding; allowed are 1e-05"), (True, "after folding")])
@pytest.mark.parametrize("factor", [1.01, torch.nan])
def test_another_network_is_refused(model, monkeypatch, fold: bool, when: str, factor: float) -> None:
    def wrong(*args, **options) -> nn.Module:
        network = comparing_fix(*args, **options)
        network.heads.get_submodule("1.decoder.conv_seg").weight.mul_(factor)
        return network

    comparing_fix = comparing.fix
    monkeypatch.setattr(comparing, "fix", wrong)
    with pytest.raises(RuntimeError, match=f"in float64 by .*{when}"):
        check_fixed(model, fold=fold)


def test_rounding_of_float32_is_told_apart(model: ControllableNet) -> None:
    model.complexity  # noqa: B018  # counted with the true heads
    torch.manual_seed(0)
    model.heads["depth"] = Cancelling().eval()
    found, exact = check_fixed(model)
    assert found > 1e-4
    assert exact is not None
    assert exact < 1e-6
    assert next(model.parameters()).dtype == torch.float32
    assert check_fixed(model, fold=False) == (0.0, None)
