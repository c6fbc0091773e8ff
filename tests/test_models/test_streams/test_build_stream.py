"""What can be cut into a stream, and what is refused."""

from __future__ import annotations

import pytest

from mmdymu.models.streams import build_stream

RESNET = {"type": "mmseg.ResNet", "depth": 18, "stem_channels": 4, "base_channels": 4}
MOBILENET = {"type": "mmpretrain.MobileNetV2", "widen_factor": 0.1}


def test_refuses_an_unknown_family_and_names_the_known() -> None:
    with pytest.raises(TypeError, match=r"'UNet' cannot be cut.*'MobileNetV2', 'ResNeXt', 'ResNet'"):
        build_stream({"type": "mmseg.UNet", "base_channels": 4})


def test_refuses_an_unknown_granularity() -> None:
    with pytest.raises(ValueError, match=r"granularity='layer' is unknown, use one of \('stage', 'block'\)"):
        build_stream(RESNET, "layer")


@pytest.mark.parametrize("backbone", [RESNET, MOBILENET], ids=["resnet", "mobilenet"])
@pytest.mark.parametrize("setting", [{"frozen_stages": 1}, {"norm_eval": True}], ids=str)
def test_refuses_a_backbone_that_freezes_itself(backbone: dict, setting: dict) -> None:
    (name, value), *_ = setting.items()
    with pytest.raises(ValueError, match=rf"{name}={value}.*frozen_stages=-1 and norm_eval=False"):
        build_stream({**backbone, **setting})
