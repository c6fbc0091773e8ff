from __future__ import annotations

import pytest
import torch
from mmengine.analysis import get_model_complexity_info
from torch import nn
from torch.nn import functional

from mmdymu.models import ResNet9
from mmdymu.models.backbones import ControllableBackbone
from mmdymu.models.complexity import count_complexity
from mmdymu.models.streams import build_stream


def by_hand(net: ResNet9, x: torch.Tensor) -> torch.Tensor:
    """The description, step by step, on the network's weights in their order."""
    convs = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    steps = iter(zip(convs, norms, strict=True))

    def conv(y: torch.Tensor) -> torch.Tensor:
        convolution, norm = next(steps)
        y = functional.conv2d(y, convolution.weight, padding=1)
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        return ((y - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]).relu()

    x = functional.max_pool2d(conv(conv(x)), 2)
    x = x + conv(conv(x))
    x = functional.max_pool2d(conv(x), 2)
    x = functional.max_pool2d(conv(x), 2)
    x = x + conv(conv(x))
    return x.amax(dim=(2, 3))


def test_computes_what_the_description_says() -> None:
    net = ResNet9(base_channels=4).eval()
    for name, value in net.state_dict().items():
        if name.endswith(("running_mean", "bn.bias")):
            value.copy_(0.1 * torch.randn_like(value))
    x = torch.randn(2, 3, 32, 32)
    (features,) = net(x)
    assert features.shape == (2, 32)
    assert torch.allclose(features, by_hand(net, x), rtol=1e-4, atol=1e-5)


def test_has_the_widths_of_the_original() -> None:
    shapes = [tuple(module.weight.shape[:2]) for module in ResNet9().modules() if isinstance(module, nn.Conv2d)]
    expected = [(64, 3), (128, 64), (128, 128), (128, 128), (256, 128), (512, 256), (512, 512), (512, 512)]
    assert shapes == expected


@pytest.mark.parametrize(("granularity", "layers"), [("stage", 4), ("block", 6)])
def test_is_cut_into_nodes_whose_costs_add_up(granularity: str, layers: int) -> None:
    stream = build_stream({"type": "mmdymu.ResNet9", "base_channels": 4}, granularity)
    head = nn.Linear(32, 5)
    assert stream.num_layers == layers
    assert stream.out_layers == (layers - 1,)
    counted = count_complexity(ControllableBackbone([stream]), [nn.Sequential(Last(), head)], (3, 32, 32))
    whole = get_model_complexity_info(ResNet9(base_channels=4).eval(), (3, 32, 32), show_table=False, show_arch=False)
    assert sum(row[0] for row in counted.node_flops) == whole["flops"]
    assert sum(row[0] for row in counted.node_params) == whole["params"]
    assert counted.head_flops == (32 * 5,)


class Last(nn.Module):
    """Takes the last feature, as a classification head does."""

    def forward(self, features: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return features[-1]


def test_weights_are_initialised_anew() -> None:
    net = ResNet9(base_channels=4)
    before = {name: value.clone() for name, value in net.state_dict().items() if name.endswith("conv.weight")}
    net.init_weights()
    assert len(before) == 8
    assert all(not torch.equal(net.state_dict()[name], value) for name, value in before.items())


def test_width_must_be_positive() -> None:
    with pytest.raises(ValueError, match="base_channels=0"):
        ResNet9(base_channels=0)
