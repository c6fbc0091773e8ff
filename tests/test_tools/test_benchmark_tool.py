"""The benchmark tool: its options with tools that only pretend, and the real ones on tiny rooms."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from benchmark_suite import RUNS, finish_all, suite_of, write_suite
from html_checks import Page

ROOT = Path(__file__).parents[2]
SCENES = str(ROOT / "configs" / "dymu" / "scenes_r18.py")


@pytest.fixture
def tool(load_tool: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.chdir(tmp_path)
    return load_tool("benchmark")


@pytest.fixture
def pretending(tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Its train.py fails, its sweep.py is not there."""
    monkeypatch.setattr(tool, "TOOLS", tmp_path)
    (tmp_path / "train.py").write_text("import os, sys\nsys.exit('no GPU ' + os.environ['CUDA_VISIBLE_DEVICES'])\n")
    return tool


def test_failures_are_named_at_the_end(pretending: ModuleType, tmp_path: Path, capsys: Any) -> None:
    write_suite(tmp_path)
    arguments = ["suite.py", "--out", "out", "--gpus", "7", "--only", "dymu", "--cfg-options", "benchmark.seeds=[0]"]
    # Nothing is finished, so there is no table: that is one more error.
    assert pretending.run_tool(pretending.main, arguments) == 2
    error = capsys.readouterr().err
    assert "FAILED: single, seed 0: train ended with exit status 1, see out/single/seed0/train.log" in error
    assert "FAILED: dymu, seed 0: not run, it needs single, seed 0" in error
    assert Path("out/single/seed0/train.log").read_text() == "no GPU 7\n"


def test_exit_status_1_where_the_rest_is_tabulated(pretending: ModuleType, tmp_path: Path, capsys: Any) -> None:
    _, jobs = suite_of(tmp_path)
    finish_all(jobs[:-1])
    assert pretending.main(["suite.py", "--out", "out", "--gpus", "0", "1"]) == 1
    captured = capsys.readouterr()
    assert "FAILED: dymu, seed 1: train ended with exit status 1" in captured.err
    assert "written: out/benchmark.md" in captured.out
    assert "DYMU, seed 1: not finished here" in Path("out/benchmark.md").read_text(encoding="utf-8")


def test_a_table_of_what_is_finished(tool: ModuleType, tmp_path: Path, capsys: Any) -> None:
    _, jobs = suite_of(tmp_path)
    finish_all(jobs)
    assert tool.main(["suite.py", "--out", "out", "--table"]) == 0
    assert Page(Path("out/benchmark.html").read_text(encoding="utf-8")).loaded == []
    assert capsys.readouterr().out.splitlines() == [f"written: out/benchmark.{end}" for end in ("md", "html", "json")]


def test_seeds_of_another_machine_stand_in_the_table(tool: ModuleType, tmp_path: Path, capsys: Any) -> None:
    _, jobs = suite_of(tmp_path)
    finish_all(jobs)
    arguments = ["suite.py", "--table", "--out"]
    assert tool.main([*arguments, "out"]) == 0
    assert tool.main([*arguments, "here", "--with", "out/benchmark.json"]) == 0
    assert "DYMU, seeds 0, 1: not finished here; taken from out/benchmark.json" in Path("here/benchmark.md").read_text(
        encoding="utf-8"
    )
    assert tool.run_tool(tool.main, [*arguments, "here", "--with", "nowhere.json"]) == 2
    assert "'nowhere.json' is not there" in capsys.readouterr().err


def test_runs_come_with_those_that_they_need(tool: ModuleType, tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path)
    chosen = tool.chosen_jobs(suite, jobs, ["dymu"])
    assert [(job.run.name, job.seed) for job in chosen] == [("single", 0), ("single", 1), ("dymu", 0), ("dymu", 1)]
    assert tool.chosen_jobs(suite, jobs, None) == jobs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--jobs", "0"], "--jobs 0: at least 1"),
        (["--gpus", "0", "0"], "--gpus 0 0: every GPU once"),
        (["--only", "nobody"], "--only: the suite has no run 'nobody', only ['single', 'static', 'dymu']"),
        (["--cfg-options", "benchmark.seeds=[]"], "benchmark.seeds=[] must be"),
        (["--table"], "no job of the suite is finished"),
    ],
)
def test_bad_options(tool: ModuleType, tmp_path: Path, options: list[str], message: str, capsys: Any) -> None:
    write_suite(tmp_path)
    assert tool.run_tool(tool.main, ["suite.py", *options]) == 2
    assert message in capsys.readouterr().err


def test_folders_of_another_suite_are_refused(tool: ModuleType, tmp_path: Path, capsys: Any) -> None:
    _, jobs = suite_of(tmp_path)
    finish_all(jobs)
    write_suite(tmp_path, {**RUNS, "dymu": {**RUNS["dymu"], "cfg_options": {"model.width": 9}}})
    assert tool.run_tool(tool.main, ["suite.py", "--out", "out"]) == 2
    error = capsys.readouterr().err
    assert "2 folders hold results of another config or sweep: out/dymu/seed0 (train, sweep, sweep_listed)" in error
    assert "choose another --out, or --redo them" in error


def small() -> dict[str, Any]:
    loaders = {"batch_size": 2, "num_workers": 0, "persistent_workers": False, "dataset.length": 4,
               "dataset.size": (32, 48)}  # fmt: skip
    return {
        "train_cfg.stages.trunk.max_iters": 2,
        "train_cfg.stages.anchor.max_iters": 2,
        "default_hooks.checkpoint.interval": 2,
        "default_hooks.logger.interval": 1,
        "model.image_size": (32, 48),
        **{f"{split}_dataloader.{key}": value for split in ("train", "val", "test") for key, value in loaders.items()},
    }


def test_tiny_rooms(tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("MMDYMU_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    alone = {"train_cfg.stages.edges": None, "train_cfg.stages.weights": None, "model.weight_hypernet": None}
    objective = "train_cfg.stages.anchor.objective."
    static = {
        **alone,
        "model.edge_hypernet": {"type": "FixedEdges"},
        f"{objective}type": "TreeObjective",
        f"{objective}loss_weights": "{checkpoint:single}",
    }
    edges = {
        "train_cfg.skip": ["trunk", "anchor"],
        "train_cfg.stages.edges.max_iters": 3,
        "train_cfg.stages.edges.objective.images": 2,
        "train_cfg.stages.edges.objective.affinity_images": 3,
        "train_cfg.stages.weights": None,
    }
    runs = {
        "single": {
            "config": SCENES,
            "cfg_options": {**alone, f"{objective}scale_images": 2, "run_anchor": True},
            "sweep": {"cost_weights": [0.0]},
        },
        "static": {
            "config": SCENES,
            "cfg_options": static,
            "preference_option": f"{objective}preference",
            "sweep": {"cost_weights": [0.0]},
        },
        "dymu": {"config": SCENES, "cfg_options": edges, "load_from": "single"},
        "bare": {
            "config": SCENES,
            "cfg_options": {"model.weight_hypernet": None},
            "load_from": "dymu",
            "trains": False,
        },
        "retrained": {
            "config": SCENES,
            "cfg_options": static,
            "tree_of": "dymu",
            "flops_of": "single",
            "sweep": {"cost_weights": [0.0]},
        },
    }
    sweep = {"preferences": 2, "cost_weights": [0.0, 1.0], "curve_preferences": 2, "references": [20.0]}
    write_suite(tmp_path, runs, seeds=[1], preferences=[(2, 1, 1)], sweep=sweep, cfg_options=small())
    arguments = ["suite.py", "--out", "out", "--interval", "0.5"]
    assert tool.main(arguments) == 0, Path("out/single/seed1/train.log").read_text()
    assert ": stage " in capsys.readouterr().out
    data = json.loads(Path("out/benchmark.json").read_text())
    assert data["notes"] == []
    single, static, dymu, bare, retrained = data["methods"]
    assert single["by_cost_weight"]["sweep"][0]["rL"]["mean"] == pytest.approx(1)
    (row,) = static["by_cost_weight"]["sweep_listed"]
    assert (row["share"]["mean"], row["cost_weight"]) == (0, 0)
    folders = (Path("out/single/seed1"), Path("out/static/seed1/preference0"))
    paths = [folder / "train" / json.loads((folder / "job.json").read_text())["checkpoint"] for folder in folders]
    first, second = (torch.load(path, weights_only=False)["state_dict"]["loss_scale"] for path in paths)
    assert torch.equal(first, second), "the nets' losses have the single-task nets' weights"
    assert [row["cost_weight"] for row in dymu["by_cost_weight"]["sweep"]] == [0, 1]
    assert dymu["train_seconds"]["mean"] >= single["train_seconds"]["mean"] >= 0
    assert bare["train_seconds"] == dymu["train_seconds"]
    assert bare["control_params"]["mean"] < dymu["control_params"]["mean"]
    trees = [[row["share"] for row in method["by_cost_weight"]["sweep"]] for method in (dymu, bare)]
    assert trees[0] == trees[1]
    tree = json.loads(Path("out/retrained/seed1/tree/tree.json").read_text())
    (row,) = retrained["by_cost_weight"]["sweep"]
    assert row["share"]["mean"] == pytest.approx(tree["share"])
    assert retrained["train_seconds"]["mean"] >= dymu["train_seconds"]["mean"]
    assert tool.main(arguments) == 0
    assert "training" not in capsys.readouterr().out, "a second start finds all done"
