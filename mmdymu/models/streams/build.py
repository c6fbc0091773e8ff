"""Streams from configs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmengine.model import BaseModule

from ..build import build_part
from .mobilenet_v2 import cut_mobilenet_v2
from .resnet import cut_resnet
from .resnet9 import cut_resnet9
from .stream import Stream, Unit

FAMILIES: Mapping[str, Callable[[BaseModule, str], list[Unit]]] = {
    "ResNet": cut_resnet,
    "ResNetV1c": cut_resnet,
    "ResNetV1d": cut_resnet,
    "ResNeXt": cut_resnet,
    "ResNet9": cut_resnet9,
    "MobileNetV2": cut_mobilenet_v2,
}
GRANULARITIES = ("stage", "block")


def build_stream(
    backbone: Mapping[str, Any] | BaseModule, granularity: str = "stage", merge: Sequence[int] | None = None
) -> Stream:
    """Builds a registered backbone and cuts it into a stream.

    Args:
        backbone: Config of a backbone of mmseg or mmpretrain (``dict(type='mmseg.ResNet', …)``) or of
            :class:`~mmdymu.models.backbones.ResNet9`, or the built backbone.
        granularity: ``stage`` or ``block``.
        merge: Sizes of groups of neighbouring units that form one node each.

    Returns:
        The stream; it computes the same as the backbone.

    Raises:
        TypeError: If the backbone's family is not known.
        ValueError: If ``granularity`` is unknown, or the backbone freezes parts of itself.
    """
    if granularity not in GRANULARITIES:
        raise ValueError(f"granularity={granularity!r} is unknown, use one of {GRANULARITIES}")
    module = backbone if isinstance(backbone, BaseModule) else build_part(backbone)
    family = type(module).__name__
    if family not in FAMILIES:
        raise TypeError(f"backbone {family!r} cannot be cut into a stream, use one of {sorted(FAMILIES)}")
    _refuse_own_freezing(module)
    return Stream(module, FAMILIES[family](module, granularity), merge)


def _refuse_own_freezing(backbone: BaseModule) -> None:
    frozen, norm_eval = getattr(backbone, "frozen_stages", -1), getattr(backbone, "norm_eval", False)
    if frozen >= 0 or norm_eval:
        raise ValueError(
            f"backbone has frozen_stages={frozen}, norm_eval={norm_eval}: the training "
            "stages decide what is frozen, use frozen_stages=-1 and norm_eval=False"
        )
