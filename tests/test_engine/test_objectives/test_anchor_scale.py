from __future__ import annotations

from pathlib import Path

import pytest
import tiny
import torch

from mmdymu.engine import Frames
from mmdymu.engine.objectives.single_losses import inverse_losses
from mmdymu.registry import OBJECTIVES
from mmdymu.search.path_table import shrink_labels


def test_a_run_of_the_anchor_alone_leaves_its_loss_scale(tmp_path: Path) -> None:
    stages = [
        tiny.stage_config("trunk"),
        tiny.stage_config("anchor", objective={"type": "AnchorObjective", "scale_images": 4}),
    ]
    test = {"test_dataloader": tiny.test_loader(), "test_cfg": {}, "test_evaluator": [{"type": "DepthMetric"}]}
    runner = tiny.train(tmp_path, train_cfg=tiny.train_cfg(*stages), **test)
    model = runner.model.eval()
    batches = Frames.from_config(runner.cfg).batches(model, 4)
    with torch.no_grad():
        losses = torch.stack(
            [
                model.tree_losses(
                    batch.inputs, shrink_labels(model, batch.inputs, batch.data_samples), model.anchor_tree
                )[0]
                for batch in batches
            ]
        )
    torch.testing.assert_close(model.loss_scale, 1 / losses.mean(dim=0))


def test_by_default_the_scale_is_left_to_the_edges_stage(tmp_path: Path) -> None:
    stages = [tiny.stage_config("trunk"), tiny.stage_config("anchor")]
    assert not tiny.train(tmp_path, train_cfg=tiny.train_cfg(*stages)).model.is_controllable


@pytest.mark.parametrize("images", [-1, 1.5, True])
def test_bad_numbers_of_images(images: object) -> None:
    with pytest.raises(ValueError, match="scale_images="):
        OBJECTIVES.build({"type": "AnchorObjective", "scale_images": images})


def test_losses_without_labels_are_named() -> None:
    assert inverse_losses(("a", "b"), torch.tensor([0.5, 4.0]), 3).tolist() == [2.0, 0.25]
    with pytest.raises(ValueError, match=r"losses of \['b'\] on 3 training images"):
        inverse_losses(("a", "b"), torch.tensor([0.5, 0.0]), 3)
