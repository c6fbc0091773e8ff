"""A run resumes its own stages alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from mmengine.runner import Runner

MODEL = tiny.model_config(stream=tiny.SHORT)


SAVED = {"checkpoint": {"type": "SafeCheckpointHook", "by_epoch": False, "interval": 4}}


def train(folder: Path, iters: dict[str, int] | None = None, **changes: Any) -> Runner:
    lengths = iters or {"trunk": 2, "anchor": 2}
    stages = [tiny.stage_config(name, iters=length) for name, length in lengths.items()]
    return tiny.train(folder, model=MODEL, train_cfg=tiny.train_cfg(*stages), **changes)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("finished")
    train(folder, default_hooks=SAVED)
    return str(folder / "iter_4.pth")


def test_checkpoints_tell_the_stages(finished: str) -> None:
    assert torch.load(finished, weights_only=False)["meta"]["stages"] == [("trunk", 2), ("anchor", 2)]


def test_other_stages_are_refused(finished: str, tmp_path: Path) -> None:
    message = r"iteration 4 is of a run with other stages: trunk 2, anchor 2; this config has anchor 4: choose"
    with pytest.raises(ValueError, match=message):
        train(tmp_path, resume=True, load_from=finished, iters={"anchor": 4})
    with pytest.raises(ValueError, match="this config has trunk 3, anchor 1"):
        train(tmp_path, resume=True, load_from=finished, iters={"trunk": 3, "anchor": 1})


def test_what_is_still_to_come_may_change(finished: str, tmp_path: Path) -> None:
    assert train(tmp_path, resume=True, load_from=finished, iters={"trunk": 2, "anchor": 3}).iter == 3 + 2


def test_a_run_may_begin_on_other_stages(finished: str, tmp_path: Path) -> None:
    assert train(tmp_path, load_from=finished, iters={"anchor": 1}).iter == 1
