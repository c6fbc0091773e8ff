"""How MobileNetV2 of mmseg and mmpretrain is cut."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import nn

from .stream import Unit


def cut_mobilenet_v2(backbone: BaseModule, granularity: str) -> list[Unit]:
    """Cuts a MobileNetV2 of any width into its stem and its stages or inverted residuals.

    mmpretrain's last 1x1 convolution (``conv2``) is a unit only where it is an output: nothing else reads it.

    Args:
        backbone: ``MobileNetV2`` of mmseg or mmpretrain.
        granularity: ``stage`` (8 units) or ``block`` (18 units).

    Returns:
        The units in running order.
    """
    units = [Unit({"conv1": backbone.conv1})]
    for index, name in enumerate(backbone.layers):
        stage = getattr(backbone, name)
        is_output = index in backbone.out_indices
        if name == "conv2" and not is_output:
            continue
        if granularity == "stage" or not isinstance(stage, nn.Sequential):
            units.append(Unit({name: stage}, is_output))
        else:
            last = len(stage) - 1
            units += [Unit({f"{name}.{i}": block}, is_output and i == last) for i, block in enumerate(stage)]
    return units
