from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import tiny
import torch
from mmengine.config import Config

from mmdymu.search import NodeProfile


@pytest.fixture
def tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("profile_nodes")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.chdir(tmp_path)
    model = tiny.build_model(stream=tiny.SHORT)
    torch.save({"state_dict": model.state_dict(), "meta": {}}, "model.pth")
    Config({"default_scope": "mmdymu", "model": tiny.model_config(stream=tiny.SHORT)}).dump("config.py")
    return "config.py", "model.pth"


def test_writes_a_profile_and_says_how_good_it_is(
    tool: ModuleType, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", "there/p.json", "--size", "64", "32", "--batch", "2", "--trees", "2", "--rounds", "1"]
    assert tool.main([*files, *options, "--threads", "1"]) == 0
    found = NodeProfile.load("there/p.json")
    assert (found.size, found.about["batch"], found.about["threads"]) == ((64, 32), 2, 1)
    found.check(tiny.build_model(stream=tiny.SHORT))
    printed = capsys.readouterr().out
    assert "1 threads, images 64x32, batch 2" in printed
    assert f"worst {found.about['error']['worst_percent']:.1f} %" in printed
    assert "profile=there/p.json" in printed


@pytest.mark.parametrize(
    ("worst", "load", "said"),
    [(3.0, 1.0, None), (3.0, None, None), (25.0, 1.0, "missed by 25 %"), (3.0, 999.0, "load 999.0 on")],
)
def test_a_profile_that_predicts_badly_is_told(
    tool: ModuleType, worst: float, load: float | None, said: str | None
) -> None:
    about = {"error": {"worst_percent": worst}, "load": load}
    text = tool.caution(NodeProfile((1.0,), (1.0,), 0.0, (8, 8), "cpu", {"tasks": ["a"]}, about))
    assert text is None if said is None else said in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "p.txt"], "--out must end in .json, got 'p.txt'"),
        (["--batch", "0"], "batch=0 must be at least 1"),
        (["--device", "tpu"], "device='tpu' must be"),
    ],
)
def test_bad_input(
    tool: ModuleType,
    files: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    assert tool.run_tool(tool.main, [*files, *options]) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")
