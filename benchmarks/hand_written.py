"""What somebody writes who knows the tree: ResNet-50 stages and DeepLabV3+ decoders in plain torch, wired by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

STAGES = ((64, 3, 1, 1), (128, 4, 2, 1), (256, 6, 2, 1), (512, 3, 1, 2))
"""Width, blocks, stride and dilation of a ResNet-50 with output stride 16."""


def conv(inside: int, outside: int, size: int = 1, dilation: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inside, outside, size, padding=dilation * (size // 2), dilation=dilation, groups=groups, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


def separable(inside: int, outside: int, dilation: int = 1) -> nn.Sequential:
    """Depthwise and pointwise."""
    return nn.Sequential(conv(inside, inside, 3, dilation, groups=inside), conv(inside, outside))


class Block(nn.Module):
    """A bottleneck."""

    def __init__(self, inside: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inside != 4 * width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inside, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, 4 width, H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + self.shortcut(x))


def stem() -> nn.Sequential:
    """The first layer."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
    )


def stage(number: int) -> nn.Sequential:
    """A layer of bottlenecks."""
    width, blocks, stride, dilation = STAGES[number]
    inside = 64 if number == 0 else 4 * STAGES[number - 1][0]
    rest = [Block(4 * width, width, 1, dilation) for _ in range(blocks - 1)]
    return nn.Sequential(Block(inside, width, stride, dilation), *rest)


class Decoder(nn.Module):
    """DeepLabV3+ with separable convolutions."""

    def __init__(self, outside: int) -> None:
        super().__init__()
        self.out = nn.Conv2d(256, outside, 1)
        self.pool = conv(2048, 256)
        self.first = conv(2048, 256)
        self.dilated = nn.ModuleList(separable(2048, 256, dilation) for dilation in (6, 12, 18))
        self.join = conv(1280, 256, 3)
        self.low = conv(256, 48)
        self.last = nn.Sequential(separable(304, 256), separable(256, 256))

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        """(B, outside, h, w) at the resolution of ``low``."""
        pooled = self.pool(functional.adaptive_avg_pool2d(high, 1))
        pooled = functional.interpolate(pooled, size=high.shape[2:], mode="bilinear", align_corners=False)
        x = self.join(torch.cat([pooled, self.first(high), *(branch(high) for branch in self.dilated)], dim=1))
        low = self.low(low)
        x = functional.interpolate(x, size=low.shape[2:], mode="bilinear", align_corners=False)
        return self.out(self.last(torch.cat([x, low], dim=1)))


class HandWritten(nn.Module):
    """One network of a tree.

    Args:
        paths: Per task the streams of its path, in the order of layers.
        channels: Output channels by task.
    """

    def __init__(self, paths: Sequence[Sequence[int]], channels: Mapping[str, int]) -> None:
        super().__init__()
        self.paths = [tuple(path) for path in paths]
        layers = len(self.paths[0])
        used = [sorted({path[layer] for path in self.paths}) for layer in range(layers)]
        self.nodes = nn.ModuleDict(
            {f"{layer}_{i}": stem() if layer == 0 else stage(layer - 1) for layer in range(layers) for i in used[layer]}
        )
        self.parents = {(layer, path[layer]): path[layer - 1] for path in self.paths for layer in range(1, layers)}
        self.used = used
        self.decoders = nn.ModuleDict({task: Decoder(number) for task, number in channels.items()})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Raw outputs by task."""
        before: dict[int, Tensor] = {i: self.nodes[f"0_{i}"](x) for i in self.used[0]}
        low: dict[int, Tensor] = {}
        for layer in range(1, len(self.used)):
            before = {i: self.nodes[f"{layer}_{i}"](before[self.parents[layer, i]]) for i in self.used[layer]}
            low = before if layer == 1 else low
        return {
            task: decoder(low[path[1]], before[path[-1]])
            for (task, decoder), path in zip(self.decoders.items(), self.paths, strict=True)
        }


@torch.no_grad()
def load_in_order(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copies tensors that come in the same order under other names.

    Raises:
        ValueError: If the two are not the same layers.
    """
    own = module.state_dict()
    shapes = [[tuple(value.shape) for value in part.values()] for part in (own, state)]
    if shapes[0] != shapes[1]:
        raise ValueError("the hand-written layers are not the model's")
    for target, value in zip(own.values(), state.values(), strict=True):
        target.copy_(value)
