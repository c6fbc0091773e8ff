"""Heads that cannot read features by channels last."""

from __future__ import annotations

import pytest
import tiny
import torch

DM = {"type": "mmseg.DMHead", "filter_sizes": (1, 3), "in_channels": 32, "channels": 8, "num_classes": tiny.CLASSES}


def heads() -> dict[str, dict]:
    return {**{task: tiny.head(task) for task in tiny.TASKS}, "semseg": {**DM, "in_index": -1}}


@torch.no_grad()
def test_a_head_with_views_runs_on_contiguous_features() -> None:
    images = torch.randn(2, 3, *tiny.SIZE)
    model = tiny.build_model(heads=heads(), channels_last=False).eval()
    assert set(model(images)) == set(tiny.TASKS)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        tiny.build_model(heads=heads()).eval()(images)


@torch.no_grad()
def test_the_format_changes_no_number() -> None:
    images = torch.randn(2, 3, *tiny.SIZE)
    model, other = (tiny.build_model(channels_last=last).eval() for last in (True, False))
    other.load_state_dict(model.state_dict())
    for task, found in other(images).items():
        torch.testing.assert_close(found, model(images)[task], rtol=1e-4, atol=1e-5)
