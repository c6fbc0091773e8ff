"""How ResNet-9 is cut."""

from __future__ import annotations

from mmengine.model import BaseModule

from .stream import Unit


def cut_resnet9(backbone: BaseModule, granularity: str) -> list[Unit]:
    """Cuts a ResNet-9 into its first convolution and its stages, or into convolutions and residual pairs.

    The last unit ends with the pooling and gives the (B, 8C) features.

    Args:
        backbone: ``ResNet9``.
        granularity: ``stage`` (4 units) or ``block`` (6 units).

    Returns:
        The units in running order.
    """
    units = [{"prep": backbone.prep}]
    for name in ("layer1", "layer2", "layer3"):
        stage = getattr(backbone, name)
        if granularity == "stage":
            units.append({name: stage})
            continue
        units.append({f"{name}.{part}": getattr(stage, part) for part in ("conv", "pool")})
        if hasattr(stage, "residual"):
            units.append({f"{name}.residual": stage.residual})
    units[-1].update(pool=backbone.pool, flatten=backbone.flatten)
    return [Unit(modules, is_output=modules is units[-1]) for modules in units]
