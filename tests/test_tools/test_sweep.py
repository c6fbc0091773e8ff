from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tiny
import torch
from mmengine.config import Config

from mmdymu import Budget
from mmdymu.evaluation.sweep import SweepSettings


@pytest.fixture
def sweep_tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("sweep")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A config and a checkpoint whose edge hypernet counts as trained."""
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.chdir(tmp_path)
    model = tiny.build_model(stream=tiny.SHORT)
    model.loss_scale.fill_(1)
    torch.save({"state_dict": model.state_dict(), "meta": {}}, "model.pth")
    config = tiny.run_config("work", model=tiny.model_config(stream=tiny.SHORT))
    config.update(
        test_dataloader={**tiny.test_loader(size=2), "batch_size": 2},
        test_evaluator=[{"type": "DepthMetric"}],
        test_cfg={},
        sweep={"preferences": 2, "cost_weights": [0, 1], "curve_preferences": 3},
        experiment_name=tmp_path.name,
    )
    Config(config.to_dict()).dump("config.py")
    return "config.py", "model.pth"


def test_options_go_over_the_config(sweep_tool: ModuleType, files: tuple[str, str], capsys: Any) -> None:
    assert sweep_tool.main([*files, "--out", "found", "--preferences", "1", "--references", "4", "5"]) == 0
    lines = [json.loads(line) for line in Path("found/sweep.jsonl").read_text().splitlines()]
    assert lines[0]["preferences"] == 1
    assert lines[0]["cost_weights"] == [0, 1]
    assert lines[0]["references"] == [4, 5]
    assert lines[0]["config"].endswith("config.py")
    assert [line["cost_weight"] for line in lines if line["kind"] == "run"] == [0, 1]
    printed = capsys.readouterr().out
    assert "HV (ref. 4)" in printed
    assert "tools/report.py found" in printed


def test_listed_preferences_and_single_task_nets(sweep_tool: ModuleType, files: tuple[str, str]) -> None:
    assert sweep_tool.main([*files, "--out", "first", "--preferences", "1"]) == 0
    options = ["--preference-list", "1,0,0", "0.2,0.3,0.5", "--cost-weights", "0", "--single", "first"]
    assert sweep_tool.main([*files, "--out", "found", *options]) == 0
    header, *lines = (json.loads(line) for line in Path("found/sweep.jsonl").read_text().splitlines())
    assert header["given_preferences"] == [[1, 0, 0], [0.2, 0.3, 0.5]]
    assert header["single_from"] == "first/sweep.jsonl"
    assert [line["weights"] for line in lines if line["kind"] == "run"] == [[1, 0, 0], pytest.approx([0.2, 0.3, 0.5])]


def test_the_default_folder_is_in_the_work_dir(sweep_tool: ModuleType, files: tuple[str, str]) -> None:
    assert sweep_tool.main([*files, "--preferences", "1", "--work-dir", "there"]) == 0
    assert Path("there/sweep/summary.json").is_file()


def test_budgets_replace_the_cost_weights(sweep_tool: ModuleType, files: tuple[str, str], capsys: Any) -> None:
    options = ["--preferences", "1", "--budgets", "params=1e9", "params=2e9"]
    assert sweep_tool.main([*files, "--out", "found", *options]) == 0
    lines = [json.loads(line) for line in Path("found/sweep.jsonl").read_text().splitlines()]
    assert [line["budget"] for line in lines if line["kind"] == "run"] == [{"params": 1e9}, {"params": 2e9}]
    printed = capsys.readouterr().out
    assert "at most 1000 M parameters" in printed
    assert "tools/report.py" not in printed


def test_the_last_word_is_the_command_lines(sweep_tool: ModuleType) -> None:
    def settings(config: dict[str, Any], *options: str) -> SweepSettings:
        args = sweep_tool.parse_arguments(["c", "m", *options])
        given = sweep_tool.test_config(Config({"test_cfg": {"fp16": True}}), args, Path("out"))
        assert given["fp16"] is True
        return SweepSettings.from_config({**config, **given["sweep"]})

    assert settings({"budgets": [{"flops": 1}]}, "--cost-weights", "0").cost_weights == (0.0,)
    assert settings({"budgets": [{"flops": 1}]}, "--cost-weights", "0").budgets == ()
    assert settings({"cost_weights": [0]}, "--budgets", "flops=1").budgets == (Budget("flops", 1),)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preferences", "0"], "sweep.preferences=0 must be a whole number"),
        (["--cost-weights", "0", "2"], "sweep.cost_weights=[0.0, 2.0] must be numbers in [0, 1]"),
        (["--preference-list", "1,x,0"], "--preference-list: '1,x,0' must be numbers with commas"),
        (["--preference-list", "1,0"], "pref"),
        (["--single", "nowhere"], "sweep.single='nowhere': nowhere does not exist"),
        (["--budgets", "flops"], "--budgets: 'flops' must be KIND=LIMIT, such as flops=1e8"),
        (["--budgets", "macs=1e8"], "unknown kind 'macs'"),
        (["--budgets", "flops=2", "flops=1"], "must be of one kind and ascend"),
        (["--budgets", "flops=1", "--cost-weights", "0"], "give one of the two"),
        (["--cfg-options", "sweep.preference=3"], "sweep has no setting 'preference'"),
    ],
)
def test_bad_options(
    sweep_tool: ModuleType, files: tuple[str, str], options: list[str], message: str, capsys: Any
) -> None:
    assert sweep_tool.run_tool(sweep_tool.main, [*files, *options]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_of_another_sweep(sweep_tool: ModuleType, files: tuple[str, str], capsys: Any) -> None:
    assert sweep_tool.main([*files, "--preferences", "1"]) == 0
    assert sweep_tool.run_tool(sweep_tool.main, [*files, "--preferences", "2"]) == 2
    assert "belongs to another sweep, which cannot go on here (preferences 1, now 2)" in capsys.readouterr().err
