"""The tutorial "Deploy for a budget", block by block, on files that are made here."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmdymu.registry import MODELS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
QUICK = {"profile_nodes": ["--trees", "4", "--rounds", "2"]}


def blocks() -> Iterator[tuple[str, str]]:
    """Language and text of all blocks, in order."""
    yield from re.findall(r"```(python|bash)\n(.*?)```", PAGE, flags=re.S)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with photos and a checkpoint."""
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for number, size in enumerate([(96, 128), (96, 128), (70, 100)]):
        cv2.imwrite(f"photos/{number}.png", rng.integers(0, 256, (*size, 3), np.uint8))
    config = Config.fromfile("configs/dymu/scenes_r18.py")
    with DefaultScope.overwrite_default_scope("mmdymu"):
        model = MODELS.build(config.model)
    model.loss_scale.fill_(1.0)
    model.path_losses.copy_(1 + torch.rand(model.path_losses.shape, generator=torch.Generator().manual_seed(0)))
    Path("work_dirs/scenes_r18").mkdir(parents=True)
    torch.save({"meta": {}, "state_dict": model.state_dict()}, "work_dirs/scenes_r18/iter_3250.pth")
    return tmp_path


def load_demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("image_demo", ROOT / "demo" / "image_demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_line(line: str, load_tool: Callable[[str], ModuleType]) -> None:
    """Runs ``python FOLDER/NAME.py …`` in this process."""
    _, script, *arguments = shlex.split(line)
    name = Path(script).stem
    if "network.onnx" in arguments and importlib.util.find_spec("onnxscript") is None:
        return
    main = load_demo().main if name == "image_demo" else load_tool(name).main
    assert main([*arguments, *QUICK.get(name, [])]) == 0


def test_the_page_from_top_to_bottom(
    place: Path, load_tool: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    for language, text in blocks():
        if language == "python":
            exec(text, names)
            continue
        for line in text.splitlines():
            run_line(line, load_tool)
    out = capsys.readouterr().out
    assert "2 70x100, mean depth" in out
    assert len(names["second"]["predictions"]) == 3
    assert "the best tree: True" in out
    assert names["found"]["cost"] <= 0.7 * names["whole"]
    model, network = names["inferencer"].model, names["network"]
    with torch.no_grad():
        wanted = model(names["images"])
    for task, value in torch.load("fixed.pth", weights_only=False)(names["images"]).items():
        torch.testing.assert_close(value, wanted[task], rtol=1e-4, atol=1e-4)
    assert network.manifest["flops"] <= 0.7 * names["whole"]
    scripted = torch.jit.load("network.pt")(names["images"])
    assert set(scripted) == set(model.tasks)
    assert len(list(Path("outputs").rglob("*.png"))) == len(list(Path("results").rglob("*.png"))) == 12


def test_every_option_of_the_page_exists() -> None:
    """Words in back quotes that look like arguments of a call, or settings, are ones."""
    from mmdymu.apis import MultiTaskInferencer

    known = MultiTaskInferencer.postprocess_kwargs | {
        "preprocess",
        "postprocess",
        "budget",
        "weights_only",
        "run_anchor",
    }
    assert set(re.findall(r"`[^`]*?\b([a-z_]+)=(?:True|False|\"npy\")", PAGE)) <= known
