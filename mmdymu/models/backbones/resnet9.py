"""The small residual network of fast CIFAR training."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, Sequential
from torch import Tensor, nn

from mmdymu.registry import MODELS

__all__ = ["ResNet9", "ResidualPair"]


class ResidualPair(BaseModule):
    """Two 3x3 convolutions, each with norm and ReLU, added to their input.

    Args:
        channels: Of input and output.
        norm_cfg: Config of the norms.
    """

    def __init__(self, channels: int, norm_cfg: Mapping[str, Any]) -> None:
        super().__init__()
        self.conv1 = _conv(channels, channels, norm_cfg)
        self.conv2 = _conv(channels, channels, norm_cfg)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), as the input."""
        return x + self.conv2(self.conv1(x))


@MODELS.register_module()
class ResNet9(BaseModule):
    """Eight 3x3 convolutions for images of 32x32, after David Page's cifar10-fast; a linear head is the ninth layer.

    Convolution to C channels; to 2C, max pool, residual pair; to 4C, max pool; to 8C, max pool, residual pair;
    max pool over 4x4. Every convolution is followed by norm and ReLU.

    Args:
        base_channels: C; 64 in the original.
        in_channels: Channels of an image.
        norm_cfg: Config of the norms.
        init_cfg: As in mmengine.

    Raises:
        ValueError: If ``base_channels`` is not positive.
    """

    def __init__(
        self,
        base_channels: int = 64,
        in_channels: int = 3,
        norm_cfg: Mapping[str, Any] | None = None,
        init_cfg: Mapping[str, Any] | list[Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if base_channels < 1:
            raise ValueError(f"base_channels={base_channels} of ResNet9 must be positive")
        norm = norm_cfg or {"type": "BN", "requires_grad": True}
        width = base_channels
        self.prep = _conv(in_channels, width, norm)
        self.layer1 = _stage(width, 2 * width, norm, residual=True)
        self.layer2 = _stage(2 * width, 4 * width, norm, residual=False)
        self.layer3 = _stage(4 * width, 8 * width, norm, residual=True)
        self.pool = nn.MaxPool2d(4)
        self.flatten = nn.Flatten()

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Features of a head.

        Args:
            x: (B, 3, 32, 32) images.

        Returns:
            One tensor, (B, 8C).
        """
        x = self.layer3(self.layer2(self.layer1(self.prep(x))))
        return (self.flatten(self.pool(x)),)


def _stage(in_channels: int, channels: int, norm_cfg: Mapping[str, Any], *, residual: bool) -> Sequential:
    parts: list[tuple[str, nn.Module]] = [("conv", _conv(in_channels, channels, norm_cfg)), ("pool", nn.MaxPool2d(2))]
    if residual:
        parts.append(("residual", ResidualPair(channels, norm_cfg)))
    return Sequential(OrderedDict(parts))


def _conv(in_channels: int, channels: int, norm_cfg: Mapping[str, Any]) -> ConvModule:
    return ConvModule(in_channels, channels, 3, padding=1, norm_cfg=dict(norm_cfg))
