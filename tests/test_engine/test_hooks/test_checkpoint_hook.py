from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner, find_latest_checkpoint
from torch import nn

import mmdymu  # noqa: F401  lets stock mmengine load its checkpoints
from mmdymu.engine.hooks.checkpoint_hook import SafeCheckpointHook


class ToyModel(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, inputs: torch.Tensor, mode: str = "tensor") -> Any:
        return {"loss": self.layer(inputs).square().mean()}


class Killed(BaseException):
    """Stands for the end of the process: nothing in mmengine or the hook catches it."""


def train(work_dir: Path, max_iters: int = 4, *, resume: bool = False, **hook: Any) -> Runner:
    runner = Runner(
        model=ToyModel(),
        work_dir=str(work_dir),
        train_dataloader={
            "dataset": [{"inputs": torch.ones(2)} for _ in range(8)],
            "batch_size": 2,
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "collate_fn": {"type": "default_collate"},
        },
        train_cfg={"by_epoch": False, "max_iters": max_iters},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        default_hooks={
            "checkpoint": {"type": SafeCheckpointHook, "by_epoch": False, "interval": 1, **hook},
            "logger": None,
        },
        resume=resume,
        log_level="ERROR",
        experiment_name=f"{work_dir.name}_{max_iters}_{resume}",
    )
    runner.train()
    return runner


def checkpoints(work_dir: Path) -> set[str]:
    return {path.name for path in work_dir.iterdir() if path.suffix in (".pth", ".tmp")}


def iteration_of_latest(work_dir: Path) -> int:
    latest = find_latest_checkpoint(str(work_dir))
    assert latest is not None
    loaded = torch.load(latest, weights_only=False)
    assert set(loaded) >= {"state_dict", "optimizer", "message_hub"}
    return loaded["meta"]["iter"]


def patch_after(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int, act: Callable[..., None]) -> None:
    """Replace a function's n-th call by ``act``, which gets the function and its arguments."""
    original, calls = getattr(owner, name), []

    def replaced(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return act(original, *args, **kwargs) if len(calls) == call else original(*args, **kwargs)

    monkeypatch.setattr(owner, name, replaced)


def kill(*_: Any, **__: Any) -> None:
    raise Killed


def test_keeps_the_latest_two_and_no_unfinished_file(tmp_path: Path) -> None:
    train(tmp_path)
    assert checkpoints(tmp_path) == {"iter_3.pth", "iter_4.pth"}
    assert iteration_of_latest(tmp_path) == 4


@pytest.mark.parametrize(("keep", "left"), [(1, {4}), (3, {2, 3, 4}), (-1, {1, 2, 3, 4})])
def test_max_keep_ckpts(tmp_path: Path, keep: int, left: set[int]) -> None:
    train(tmp_path, max_keep_ckpts=keep)
    assert checkpoints(tmp_path) == {f"iter_{step}.pth" for step in left}


@pytest.mark.parametrize("keep", [1, 2])
def test_a_save_that_breaks_half_way_leaves_the_former_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int
) -> None:
    def half_a_file(save: Callable[..., None], content: Any, file: Any) -> None:
        file.write(b"half a checkpoint")
        raise Killed

    patch_after(monkeypatch, torch, "save", 3, half_a_file)
    with pytest.raises(Killed):
        train(tmp_path, max_keep_ckpts=keep)
    assert iteration_of_latest(tmp_path) == 2


def test_a_write_that_breaks_half_way_leaves_the_former_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmengine.fileio import LocalBackend

    def half_a_file(put: Callable[..., None], backend: Any, content: bytes, path: str) -> None:
        Path(path).write_bytes(content[: len(content) // 2])
        raise Killed

    patch_after(monkeypatch, LocalBackend, "put", 3, half_a_file)
    with pytest.raises(Killed):
        train(tmp_path)
    assert checkpoints(tmp_path) == {"iter_1.pth", "iter_2.pth"}
    assert iteration_of_latest(tmp_path) == 2


@pytest.mark.parametrize("call", range(1, 9))
def test_killed_between_any_two_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Each save moves the checkpoint and last_checkpoint into place; be killed before each of the moves."""
    patch_after(monkeypatch, Path, "replace", call, kill)
    with pytest.raises(Killed):
        train(tmp_path)
    saved = (call - 1) // 2
    if saved:
        assert iteration_of_latest(tmp_path) == saved
    else:
        assert find_latest_checkpoint(str(tmp_path)) is None


def test_a_run_killed_before_it_deletes_the_old_one_tidies_up_when_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        # Each save deletes the unfinished file's name (calls 1 to 3); the third then the file of iteration 1.
        patch_after(patch, Path, "unlink", 4, kill)
        with pytest.raises(Killed):
            train(tmp_path)
    assert checkpoints(tmp_path) == {"iter_1.pth", "iter_2.pth", "iter_3.pth"}
    runner = train(tmp_path, 5, resume=True)
    assert runner.iter == 5
    assert checkpoints(tmp_path) == {"iter_4.pth", "iter_5.pth"}


def test_resume_equals_uninterrupted(tmp_path: Path) -> None:
    torch.manual_seed(1)
    whole = train(tmp_path / "whole", 4)
    torch.manual_seed(1)
    train(tmp_path / "halves", 2)
    resumed = train(tmp_path / "halves", 4, resume=True)
    assert checkpoints(tmp_path / "halves") == {"iter_3.pth", "iter_4.pth"}
    assert torch.equal(resumed.model.layer.weight, whole.model.layer.weight)


def test_other_folder(tmp_path: Path) -> None:
    train(tmp_path / "run", out_dir=str(tmp_path / "elsewhere"))
    assert checkpoints(tmp_path / "elsewhere" / "run") == {"iter_3.pth", "iter_4.pth"}
    assert iteration_of_latest(tmp_path / "run") == 4


def test_defaults() -> None:
    hook = SafeCheckpointHook(interval=1)
    assert hook.max_keep_ckpts == 2
    assert hook.filename_tmpl == "epoch_{}.pth"


def test_registered() -> None:
    from mmdymu.registry import HOOKS

    assert HOOKS.module_dict["SafeCheckpointHook"] is SafeCheckpointHook
