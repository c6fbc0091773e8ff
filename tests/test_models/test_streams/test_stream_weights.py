"""Where a stream's weights come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mmdymu.models.build import build_part
from mmdymu.models.streams import Stream, build_stream

RESNET: dict[str, Any] = {"type": "mmseg.ResNet", "depth": 18, "stem_channels": 4, "base_channels": 4}
MOBILENET: dict[str, Any] = {"type": "mmpretrain.MobileNetV2", "widen_factor": 0.1}


def backbone_names(stream: Stream) -> dict[str, torch.Tensor]:
    return {key.split(".", 2)[2]: value for key, value in stream.state_dict().items()}


def random_state(config: dict[str, Any]) -> dict[str, torch.Tensor]:
    state = build_part(config).state_dict()
    return {k: torch.rand_like(v) if v.is_floating_point() else v for k, v in state.items()}


@pytest.mark.parametrize("config", [RESNET, MOBILENET], ids=["resnet", "mobilenet"])
@pytest.mark.parametrize("granularity", ["stage", "block"])
@pytest.mark.parametrize("prefix", [None, "backbone"])
def test_pretrained_file(config: dict, granularity: str, prefix: str | None, tmp_path: Path) -> None:
    state = random_state(config)
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": {f"{prefix}.{k}" if prefix else k: v for k, v in state.items()}}, path)
    init_cfg = {"type": "Pretrained", "checkpoint": str(path), **({"prefix": prefix} if prefix else {})}
    stream = build_stream({**config, "init_cfg": init_cfg}, granularity)
    assert stream.pretrained == str(path)
    stream.init_weights()
    assert all(torch.equal(value, state[name]) for name, value in backbone_names(stream).items())


@pytest.mark.parametrize("config", [RESNET, MOBILENET], ids=["resnet", "mobilenet"])
def test_a_missing_file_is_reported_when_weights_are_initialised(config: dict, tmp_path: Path) -> None:
    path = str(tmp_path / "absent.pth")
    stream = build_stream({**config, "init_cfg": {"type": "Pretrained", "checkpoint": path}})
    with pytest.raises(FileNotFoundError) as caught:
        stream.init_weights()
    for part in (path, "MMDYMU_DATA_ROOT", "another file or URL", "init_cfg.checkpoint", "'trunk' stage"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "init_cfg", [None, {"type": "Kaiming", "layer": "Conv2d"}, [{"type": "Kaiming", "layer": "Conv2d"}]]
)
def test_random_weights_are_not_called_pretrained(init_cfg: Any) -> None:
    assert build_stream({**RESNET, "init_cfg": init_cfg}).pretrained is None


@pytest.mark.parametrize("granularity", ["stage", "block"])
def test_loads_a_checkpoint_of_the_wrapped_backbone(granularity: str) -> None:
    state = random_state(RESNET)
    stream = build_stream(RESNET, granularity)
    stream.load_backbone_state_dict({**state, "fc.weight": torch.zeros(1)})
    assert all(torch.equal(value, state[name]) for name, value in backbone_names(stream).items())


def test_old_checkpoints_without_batch_counters_load() -> None:
    state = {name: value for name, value in random_state(RESNET).items() if "num_batches" not in name}
    stream = build_stream(RESNET)
    stream.load_backbone_state_dict(state)
    assert torch.equal(backbone_names(stream)["conv1.weight"], state["conv1.weight"])


def test_names_a_missing_weight() -> None:
    state = random_state(RESNET)
    del state["layer2.0.conv1.weight"]
    with pytest.raises(KeyError, match=r"lacks 1 backbone weights, the first is 'layer2\.0\.conv1\.weight'"):
        build_stream(RESNET).load_backbone_state_dict(state)


def test_names_a_weight_of_another_shape_and_loads_nothing() -> None:
    state = random_state(RESNET)
    state["bn1.bias"] = torch.zeros(7)
    stream = build_stream(RESNET)
    before = {name: value.clone() for name, value in stream.state_dict().items()}
    with pytest.raises(ValueError, match=r"'bn1\.bias' has shape \(7,\), the stream wants \(4,\)"):
        stream.load_backbone_state_dict(state)
    assert all(torch.equal(value, before[name]) for name, value in stream.state_dict().items())
