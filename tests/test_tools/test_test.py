from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS


@pytest.fixture
def test_tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("test")


@pytest.fixture
def checkpoint(config_file: Path) -> str:
    model = MODELS.build({"type": "ToyControllable"})
    torch.save({"state_dict": model.state_dict(), "meta": {}}, "model.pth")
    return "model.pth"


def test_out_json(test_tool: ModuleType, config_file: Path, checkpoint: str) -> None:
    options = ["--out", "results/summary.json", "--cfg-options", "pref.depth=1", "cost_weight=0.5"]
    assert test_tool.main([str(config_file), checkpoint, *options]) == 0
    summary = json.loads(Path("results/summary.json").read_text())
    assert summary["metrics"] == {"semseg/aAcc": 0.9, "semseg/mIoU": 0.5, "depth/rmse": 1.5}
    assert summary["pref"] == {"depth": 1}
    assert summary["cost_weight"] == 0.5
    assert (summary["nodes_used"], summary["nodes_total"], summary["tree"]) == (8, 10, "a tree")


def test_out_pkl(test_tool: ModuleType, config_file: Path, checkpoint: str) -> None:
    assert test_tool.main([str(config_file), checkpoint, "--out", "predictions.pkl"]) == 0
    assert pickle.loads(Path("predictions.pkl").read_bytes()) == [{"semseg": 0.5, "depth": 1.5}] * 4


@pytest.mark.parametrize("evaluator", [{"type": "A"}, [{"type": "A"}], ({"type": "A"},)])
def test_predictions_are_dumped_beside_the_metrics(test_tool: ModuleType, evaluator) -> None:
    config = Config({"test_evaluator": evaluator})
    test_tool.dump_predictions(config, "x.pkl")
    assert [metric["type"] for metric in config.test_evaluator] == ["A", "mmengine.DumpResults"]


@pytest.mark.parametrize("metrics", [{"type": "A"}, [{"type": "A"}]])
def test_predictions_are_dumped_beside_the_metrics_of_an_evaluator(test_tool: ModuleType, metrics) -> None:
    config = Config({"test_evaluator": {"type": "E", "metrics": metrics, "baselines": {"a/b": 1.0}}})
    test_tool.dump_predictions(config, "x.pkl")
    assert (config.test_evaluator.type, config.test_evaluator.baselines) == ("E", {"a/b": 1.0})
    assert [metric["type"] for metric in config.test_evaluator.metrics] == ["A", "mmengine.DumpResults"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["CONFIG", "nowhere.pth"], "checkpoint 'nowhere.pth' does not exist"),
        (["nowhere.py", "model.pth"], "config 'nowhere.py' does not exist"),
        (["CONFIG", "model.pth", "--out", "x.csv"], "--out must end in .json"),
        (["CONFIG", "model.pth", "--show-dir", "x"], "--show-dir need default_hooks.visualization"),
        (
            ["CONFIG", "model.pth", "--cfg-options", "pref=[1,2,3]"],
            "pref=[1, 2, 3] has 3 entries for 2 tasks",
        ),
        (["CONFIG", "model.pth", "--cfg-options", "pref=[0,0]"], "pref=[0, 0] is all zero"),
        (["CONFIG", "model.pth", "--cfg-options", "pref=[1/3,1]"], "not numbers"),
        (["CONFIG", "model.pth", "--cfg-options", "pref.edges=1"], "unknown tasks ['edges']"),
        (
            ["CONFIG", "model.pth", "--cfg-options", "cost_weight=1.5"],
            "cost_weight must be a number in [0, 1], got 1.5",
        ),
    ],
)
def test_bad_input(test_tool, config_file, checkpoint, capsys, arguments: list[str], message: str) -> None:
    arguments = [str(config_file) if argument == "CONFIG" else argument for argument in arguments]
    assert test_tool.run_tool(test_tool.main, arguments) == 2
    captured = capsys.readouterr().err
    last_line = captured.splitlines()[-1]
    assert last_line.startswith("error: ")
    assert message in last_line
    assert "Traceback" not in captured


@pytest.mark.parametrize("option", ["pref=[1,2]", "cost_weight=0.5", "budget.flops=1e9"])
def test_settings_that_no_hook_reads_are_refused(
    test_tool: ModuleType, config_file: Path, checkpoint: str, option: str
) -> None:
    config_file.write_text(config_file.read_text() + "custom_hooks = [dict(type='EMAHook')]")
    name = option.partition("=")[0].partition(".")[0]
    with pytest.raises(ValueError, match=rf"{name}=.* would have no effect: add dict\(type='mmdymu\.PreferenceHook'\)"):
        test_tool.main([str(config_file), checkpoint, "--cfg-options", option])


def test_show(test_tool: ModuleType) -> None:
    config = Config({"default_hooks": {"visualization": {"type": "V"}}, "visualizer": {"type": "Z"}})
    args = test_tool.parse_arguments(["c.py", "m.pth", "--show", "--wait-time", "3", "--show-dir", "painted"])
    test_tool.show_predictions(config, args)
    assert config.default_hooks.visualization == {"type": "V", "draw": True, "show": True, "wait_time": 3.0}
    assert config.visualizer.save_dir == "painted"
    args.show = False
    config.default_hooks.visualization = {"type": "V"}
    test_tool.show_predictions(config, args)
    assert config.default_hooks.visualization == {"type": "V", "draw": True}
