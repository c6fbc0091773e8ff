"""An anchor from N single-task models of mmseg."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from mmengine.registry import init_default_scope
from torch import nn

from mmdymu.models import ControllableSegmentor
from mmdymu.models.build import build_part
from mmdymu.registry import MODELS

CLASSES = {"semseg": 4, "depth": 1, "normals": 3}


def single_task(task: str, seed: int, **changes: Any) -> nn.Module:
    """What mmseg trains for one task."""
    loss = {"type": "CrossEntropyLoss", "use_sigmoid": CLASSES[task] == 1}
    head = {**tiny.FCN, "type": "FCNHead", "num_classes": CLASSES[task], "loss_decode": loss, **changes}
    if CLASSES[task] == 1:
        head["out_channels"] = 1
    backbone = {**tiny.RESNET, "type": "ResNet"}
    model = build_part({"type": "mmseg.EncoderDecoder", "backbone": backbone, "decode_head": head})
    generator = torch.Generator().manual_seed(seed)
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.add_(0.05 * torch.rand(value.shape, generator=generator))
    return model.eval()


def saved(models: dict[str, nn.Module], folder: Path) -> dict[str, str]:
    paths = {task: str(folder / f"{task}.pth") for task in models}
    for task, path in paths.items():
        torch.save({"meta": {}, "state_dict": models[task].state_dict()}, path)
    return paths


def build(checkpoints: dict[str, str], tasks: tuple[str, ...] = tiny.TASKS) -> ControllableSegmentor:
    init_default_scope("mmdymu")
    return MODELS.build(tiny.model_config(tasks, anchor={"checkpoints": checkpoints})).eval()


def test_gives_the_single_task_models_outputs(tmp_path: Path) -> None:
    models = {task: single_task(task, seed) for seed, task in enumerate(tiny.TASKS)}
    model = build(dict(reversed(saved(models, tmp_path).items())))
    model.init_weights()
    x = torch.randn(2, 3, *tiny.SIZE)
    with torch.no_grad():
        outputs = model(x)
        for task, single in models.items():
            # The memory layout decides about the order of summation, and so about the last bit.
            expected = single.to(memory_format=torch.channels_last)(x, mode="tensor")
            assert expected.std() > 0
            assert torch.equal(outputs[task], expected)


def test_a_missing_file_is_reported_when_training_starts() -> None:
    model = build(dict.fromkeys(tiny.TASKS, "absent/single.pth"))
    with pytest.raises(FileNotFoundError, match=r"model\.anchor\.checkpoints: cannot read 'absent/single\.pth'"):
        model.init_weights()


@pytest.mark.parametrize(
    ("part", "message"),
    [("backbone.layer2.0.conv1.weight", "'layer2.0.conv1.weight'"), ("decode_head.conv_seg.bias", "conv_seg.bias")],
)
def test_a_missing_weight_is_named(part: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "semseg.pth"
    state = single_task("semseg", 0).state_dict()
    del state[part]
    torch.save(state, path)
    model = build({"semseg": str(path)}, ("semseg",))
    with pytest.raises(ValueError) as caught:
        model.init_weights()
    assert message in str(caught.value) and str(path) in str(caught.value)


def test_a_head_of_another_shape_is_refused(tmp_path: Path) -> None:
    paths = saved({"semseg": single_task("semseg", 0, num_classes=7)}, tmp_path)
    with pytest.raises(ValueError, match=r"semseg\.pth' does not fit(.|\n)*conv_seg"):
        build(paths, ("semseg",)).init_weights()
