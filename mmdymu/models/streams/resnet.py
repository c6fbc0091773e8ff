"""How the ResNet family of mmseg and mmpretrain is cut."""

from __future__ import annotations

from mmengine.model import BaseModule

from .stream import Unit


def cut_resnet(backbone: BaseModule, granularity: str) -> list[Unit]:
    """Cuts a ResNet into its stem and its stages, or into its stem and its residual blocks.

    Args:
        backbone: ``ResNet``, ``ResNetV1c``, ``ResNetV1d`` or ``ResNeXt`` of mmseg or mmpretrain.
        granularity: ``stage`` (5 units) or ``block`` (1 + number of residual blocks).

    Returns:
        The units in running order.
    """
    stem_names = ["stem"] if backbone.deep_stem else ["conv1", backbone.norm1_name, "relu"]
    units = [Unit({name: getattr(backbone, name) for name in [*stem_names, "maxpool"]})]
    for index, name in enumerate(backbone.res_layers):
        stage = getattr(backbone, name)
        is_output = index in backbone.out_indices
        if granularity == "stage":
            units.append(Unit({name: stage}, is_output))
        else:
            last = len(stage) - 1
            units += [Unit({f"{name}.{i}": block}, is_output and i == last) for i, block in enumerate(stage)]
    return units
