from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import tiny
import torch
from test_deploy.nets import look_trained

from mmdymu import BranchingTree, Preference
from mmdymu.models import ControllableSegmentor


@pytest.fixture
def tree_tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("tree")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ControllableSegmentor:
    """The model whose config and checkpoint lie in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCAL_RANK", "0")
    tiny.run_config("work").dump("config.py")
    model = look_trained(tiny.build_model())
    torch.save({"state_dict": model.state_dict(), "meta": {}}, "model.pth")
    return model


def test_the_tree_of_a_preference(tree_tool, model: ControllableSegmentor, capsys) -> None:
    options = ["--pref", "semseg=0.6", "depth=0.4", "--cost-weight", "0.5", "--out", "new/tree.json"]
    assert tree_tool.main(["config.py", "model.pth", *options]) == 0
    expected = model.predict_tree(Preference(model.tasks, (0.6, 0.4, 0.0), 0.5))
    found = json.loads(Path("new/tree.json").read_text())
    assert BranchingTree(found["parents"]) == expected
    assert expected.num_used > model.num_layers, "a tree with branches"
    assert found["flops"] == model.complexity.flops(expected)
    assert found["params"] == model.complexity.params(expected)
    assert found["preference"] == {"semseg": 0.6, "depth": 0.4, "normals": 0.0}
    assert (found["cost_weight"], found["budget"]) == (0.5, None)
    told = capsys.readouterr().out
    assert expected.draw(model.tasks) in told
    assert f"flops={model.complexity.flops(expected):.0f})" in told


def test_the_last_line_is_a_setting_that_fixes_the_tree(tree_tool, load_tool, model, capsys) -> None:
    assert tree_tool.main(["config.py", "model.pth", "--cfg-options", "pref=[0.2,0.3,0.5]"]) == 0
    *_, line = capsys.readouterr().out.splitlines()
    assert " " not in line
    command_line = load_tool("_command_line")
    args = command_line.make_parser("").parse_args(["--cfg-options", line])
    config = command_line.load_config(argparse.Namespace(**vars(args), config="config.py"))
    assert BranchingTree(config.model.edge_hypernet.tree) == model.predict_tree(
        Preference(model.tasks, (0.2, 0.3, 0.5), 0.0)
    )


def test_nodes_that_do_not_run_do_not_show(tree_tool) -> None:
    first = BranchingTree(((0, 1, 2), (0, 0, 1), (0, 0, 0)))
    second = BranchingTree(((0, 2, 1), (0, 2, 0), (0, 0, 0)))
    assert first == second
    assert first.parents != second.parents
    assert tree_tool.setting(first) == tree_tool.setting(second)
    assert tree_tool.setting(first) == "model.edge_hypernet.tree=[[0,1,2],[0,1,2],[0,0,0]]"


def test_the_tree_within_a_budget(tree_tool, model, capsys) -> None:
    limit = model.complexity.flops(model.anchor_tree) / 2
    assert tree_tool.main(["config.py", "model.pth", "--budget", f"flops={limit}", "--out", "tree.json"]) == 0
    found = json.loads(Path("tree.json").read_text())
    assert found["flops"] == found["budget"]["cost"] <= limit
    out = capsys.readouterr().out
    assert "budget: " in out
    assert "; at most " in out.splitlines()[0]
    assert "cost weight" not in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "tree.txt"], "--out must end in .json, got 'tree.txt'"),
        (["--pref", "1", "2"], "has 2 entries for 3 tasks"),
        (["--budget", "flops=1"], "budget.flops=1 is too small for any tree"),
        (["--budget", "params"], "--budget: 'params' must be KIND=LIMIT"),
        (["--budget", "flops=1e9", "--cost-weight", "0.5"], "exclude each other"),
    ],
)
def test_bad_input_of_tree(tree_tool, model, capsys, options: list[str], message: str) -> None:
    assert tree_tool.run_tool(tree_tool.main, ["config.py", "model.pth", *options]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--pref", "1", "2"], "has 2 entries for 3 tasks"),
        (["--cost-weight", "2"], "cost_weight"),
        (["--budget", "flops=-1"], "budget.flops"),
    ],
)
def test_options_are_checked_before_a_model_is_built(
    tree_tool, model, monkeypatch: pytest.MonkeyPatch, option: list[str], message: str
) -> None:
    monkeypatch.setattr(tree_tool, "init_model", lambda *_: pytest.fail("built"))
    with pytest.raises(ValueError, match=message):
        tree_tool.main(["config.py", "model.pth", *option])


def test_an_untrained_controller_has_no_tree(tree_tool, model, capsys) -> None:
    model.loss_scale.fill_(torch.nan)
    torch.save({"state_dict": model.state_dict(), "meta": {}}, "model.pth")
    assert tree_tool.run_tool(tree_tool.main, ["config.py", "model.pth"]) == 2
    assert "edge hypernet is not trained" in capsys.readouterr().err
