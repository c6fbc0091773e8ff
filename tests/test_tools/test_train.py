from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint


@pytest.fixture
def train(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("train")


def test_trains_and_resumes(train: ModuleType, config_file: Path) -> None:
    arguments = [str(config_file), "--work-dir", "run"]
    assert train.main(arguments) == 0
    first = find_latest_checkpoint("run")
    assert first is not None
    assert first.endswith("iter_2.pth")
    assert train.main([*arguments, "--resume", "--cfg-options", "train_cfg.max_iters=3"]) == 0
    assert {path.name for path in Path("run").glob("*.pth")} == {"iter_2.pth", "iter_3.pth"}
    again = [
        str(config_file),
        "--work-dir",
        "other",
        "--resume",
        first,
        "--cfg-options",
        "train_cfg.max_iters=4",
    ]
    assert train.main(again) == 0
    assert {path.name for path in Path("other").glob("*.pth")} == {"iter_3.pth", "iter_4.pth"}


@pytest.mark.parametrize(
    ("options", "begun", "resume", "load_from"),
    [
        ([], True, False, "start.pth"),
        (["--resume"], True, True, None),
        (["--resume", "auto"], True, True, None),
        (["--resume"], False, False, "start.pth"),
    ],
)
def test_resume(
    train: ModuleType, tmp_path: Path, options: list[str], begun: bool, resume: bool, load_from: str | None
) -> None:
    if begun:
        (tmp_path / "last_checkpoint").write_text("iter_1.pth")
    config = Config({"load_from": "start.pth", "resume": False, "work_dir": str(tmp_path)})
    train.set_resume(config, train.parse_arguments(["config.py", *options]).resume)
    assert (config.resume, config.load_from) == (resume, load_from)


def test_resume_from_a_missing_file(train: ModuleType) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth"):
        train.set_resume(Config(), "nowhere.pth")


def stages() -> Config:
    wrapper = {"type": "OptimWrapper", "optimizer": {"type": "SGD"}}
    return Config(
        {"optim_wrapper": wrapper, "train_cfg": {"stages": {"anchor": {"optim_wrapper": wrapper}, "edges": {}}}}
    )


def test_amp_reaches_every_stage(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "get_device", lambda: "cuda")
    config = stages()
    train.enable_amp(config)
    wrappers = [config.optim_wrapper, config.train_cfg.stages.anchor.optim_wrapper]
    assert [wrapper.type for wrapper in wrappers] == ["AmpOptimWrapper"] * 2
    assert [wrapper.loss_scale for wrapper in wrappers] == ["dynamic"] * 2


def test_amp_refuses_what_it_cannot_do(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "get_device", lambda: "cpu")
    with pytest.raises(ValueError, match="--amp needs an accelerator"):
        train.enable_amp(stages())
    monkeypatch.setattr(train, "get_device", lambda: "cuda")
    config = stages()
    config.train_cfg.stages.anchor.optim_wrapper.type = "OptimWrapperDict"
    with pytest.raises(ValueError, match="'OptimWrapperDict'"):
        train.enable_amp(config)
