from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from mmengine.runner import Runner

ITERS = 3
STAGES = 4
MODEL = tiny.model_config(stream=tiny.SHORT)
HOOKS = {
    "checkpoint": {"type": "SafeCheckpointHook", "by_epoch": False, "interval": 1, "max_keep_ckpts": -1},
    "logger": {"type": "LoggerHook", "interval": 1},
}


def final_state(runner: Runner) -> dict[str, Any]:
    schedulers = [scheduler.state_dict() for scheduler in runner.param_schedulers]
    optimizer = runner.optim_wrapper.state_dict()
    return copy.deepcopy({"model": runner.model.state_dict(), "optimizer": optimizer, "schedulers": schedulers})


def assert_equal(found: Any, expected: Any, name: str = "") -> None:
    if isinstance(expected, torch.Tensor):
        assert torch.equal(found.nan_to_num(), expected.nan_to_num()), name
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys(), name
        for key, value in expected.items():
            assert_equal(found[key], value, f"{name}.{key}")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), name
        for index, value in enumerate(expected):
            assert_equal(found[index], value, f"{name}.{index}")
    else:
        assert found == expected, name


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Folder with a checkpoint of every iteration, and what the run ended with."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    return folder, final_state(tiny.train(folder, iters=ITERS, model=MODEL, default_hooks=HOOKS))


@pytest.mark.parametrize("iteration", range(1, STAGES * ITERS))
def test_a_resumed_run_ends_as_an_uninterrupted_one(
    uninterrupted: tuple[Path, dict[str, Any]], tmp_path: Path, iteration: int
) -> None:
    folder, expected = uninterrupted
    runner = tiny.build_runner(
        tmp_path,
        iters=ITERS,
        model=MODEL,
        resume=True,
        load_from=str(folder / f"iter_{iteration}.pth"),
        randomness={"seed": None},
    )
    random.seed(iteration), np.random.seed(iteration), torch.manual_seed(iteration)
    runner.train()
    assert_equal(final_state(runner), expected)


def test_a_finished_run_resumes_to_itself(uninterrupted: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, expected = uninterrupted
    checkpoint = str(folder / f"iter_{STAGES * ITERS}.pth")
    assert_equal(
        final_state(tiny.train(tmp_path, iters=ITERS, model=MODEL, resume=True, load_from=checkpoint)), expected
    )


class Killed(BaseException):
    """Nothing catches it."""


@pytest.mark.parametrize("iteration", [5, 6])
def test_a_run_killed_while_it_writes_a_checkpoint_resumes(
    uninterrupted: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, iteration: int
) -> None:
    save = Runner.save_checkpoint

    def save_half(runner: Runner, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        save(runner, out_dir, filename, *args, **kwargs)
        if runner.iter + 1 == iteration:
            path = Path(out_dir, filename)
            path.write_bytes(path.read_bytes()[:1000])
            raise Killed

    hooks = copy.deepcopy(HOOKS)
    hooks["checkpoint"]["max_keep_ckpts"] = 1
    with monkeypatch.context() as patch:
        patch.setattr(Runner, "save_checkpoint", save_half)
        with pytest.raises(Killed):
            tiny.train(tmp_path, iters=ITERS, model=MODEL, default_hooks=hooks)
    # A killed process cleans nothing up.
    (tmp_path / "unfinished_checkpoint.tmp").write_bytes(b"half a file")
    assert Path((tmp_path / "last_checkpoint").read_text()).name == f"iter_{iteration - 1}.pth"
    runner = tiny.train(tmp_path, iters=ITERS, model=MODEL, resume=True)
    assert_equal(final_state(runner), uninterrupted[1])


def test_a_resumed_run_keeps_what_its_edges_stage_measured(
    uninterrupted: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = uninterrupted
    monkeypatch.setattr("mmdymu.engine.objectives.edges.build_path_table", lambda *_: pytest.fail("measured again"))
    tiny.train(tmp_path, iters=ITERS, model=MODEL, resume=True, load_from=str(folder / f"iter_{2 * ITERS + 1}.pth"))
