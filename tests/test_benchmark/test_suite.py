from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmark_suite import RUNS, suite_of, write_suite
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdymu.benchmark import SuiteRun, check_stored, read_benchmark, read_results, read_suite, suite_jobs
from mmdymu.engine import TreeObjective
from mmdymu.engine.loops import build_stages
from mmdymu.registry import MODELS

ROOT = Path(__file__).parents[2]


def test_a_suite_is_read(tmp_path: Path) -> None:
    suite = read_suite(write_suite(tmp_path, cfg_options={"train_cfg.max_iters": 7}))
    assert [run.name for run in suite.runs] == ["single", "static", "dymu"]
    assert suite.seeds == (0, 1)
    assert suite.preferences == ((1.0, 0.0), (1.0, 1.0))
    assert suite.has_static_nets
    assert all(run.cfg_options == {"train_cfg.max_iters": 7} for run in suite.runs)
    assert suite.run("dymu").needs == ("single",)
    assert suite.run("single").title == "Single-task"
    assert read_suite(tmp_path / "suite.py", {"benchmark.seeds": [4]}).seeds == (4,)


def test_runs_come_behind_those_that_they_need(tmp_path: Path) -> None:
    runs = {
        "last": {"config": "net.py", "cfg_options": {"a": {"b": ["x{checkpoint:middle}"]}}},
        "middle": {"config": "net.py", "after": "single"},
        "single": RUNS["single"],
        "off": None,
    }
    suite, jobs = suite_of(tmp_path, runs)
    assert [run.name for run in suite.runs] == ["single", "middle", "last"]
    assert suite.run("last").needs == ("middle",)
    assert [set(job.needs) for job in jobs[-2:]] == [{"single", "middle"}] * 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": "none"}, r"benchmark\.reference='none' must be one of the runs"),
        ({"seed": 1}, "benchmark has no setting 'seed', only"),
        ({"seeds": [0, 0]}, r"benchmark\.seeds=\[0, 0\]"),
        ({"seeds": [-1]}, r"benchmark\.seeds"),
        ({"seeds": []}, r"benchmark\.seeds"),
        ({"cfg_options": ["a=1"]}, r"benchmark\.cfg_options must be a dictionary of settings, got \['a"),
        ({"cfg_options": None}, r"benchmark\.cfg_options must be a dictionary of settings, got None"),
        ({"sweep": 3}, r"benchmark\.sweep must be a dictionary of settings, got 3"),
        ({"seeds": 1.5}, r"benchmark\.seeds=1\.5 must be"),
        (
            {"sweep": {"budgets": [{"flops": 1.0}]}, "runs": {"single": {"config": "net.py"}}},
            r"runs\.single: sweep\.budgets=",
        ),
        ({"preferences": [[1, 0], [2, 0]]}, "two of them ask for the same"),
        ({"runs": {}}, r"benchmark\.runs must be a dictionary"),
        ({"sweep": {"preference": 3}}, "sweep has no setting 'preference'"),
        ({"preferences": [[1, 0], [1]]}, r"sweep\.preferences"),
        ({"preferences": []}, r"runs\.static\.preference_option needs benchmark\.preferences"),
    ],
)
def test_bad_suites_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_suite(write_suite(tmp_path, **changes))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"config": "net.py", "options": {}}, r"runs\.more has no setting 'options', only"),
        ({}, r"runs\.more must be a dictionary with at least a config"),
        ({"config": "net.py", "cfg_options": "a=1"}, r"runs\.more\.cfg_options must be a dictionary of settings"),
        ({"config": 3}, r"runs\.more\.config must be a file's path, got 3"),
        ({"config": "net.py", "sweep": None}, r"runs\.more\.sweep must be a dictionary of settings, got None"),
        ({"config": "net.py", "load_from": "nobody"}, r"runs\.more needs the run 'nobody'"),
        ({"config": "net.py", "trains": False}, r"runs\.more\.trains=False needs load_from"),
        (
            {"config": "net.py", "trains": False, "load_from": "single", "preference_option": "x"},
            r"runs\.more\.trains=False needs load_from, whose checkpoint is swept, and no preference_option",
        ),
        ({"config": "net.py", "trains": "False"}, r"runs\.more\.trains must be True or False, got 'False'"),
        ({"config": "net.py", "swept": 1}, r"runs\.more\.swept must be True or False, got 1"),
        (
            {"config": "net.py", "swept": False, "preference_option": "x"},
            r"runs\.more\.swept=False is for a run that trains, and has no preference_option",
        ),
        (
            {"config": "net.py", "swept": False, "trains": False, "load_from": "single"},
            r"runs\.more\.swept=False is for a run that trains",
        ),
        (
            {"config": "net.py", "swept": False, "sweep": {"preferences": 3}},
            r"runs\.more has swept=False and sweep=\{'preferences': 3\}: leave one out",
        ),
        ({"config": "net.py", "tree_of": "dymu"}, r"runs\.more: tree_of and flops_of go together"),
        (
            {"config": "net.py", "tree_of": "dymu", "flops_of": "single", "trains": False, "load_from": "dymu"},
            r"runs\.more: tree_of and flops_of go together, for a run that trains",
        ),
        ({"config": "net.py", "tree_of": "nobody", "flops_of": "single"}, r"runs\.more needs the run 'nobody'"),
        ({"config": "net.py", "after": ["static"]}, "has a net for every preference: which one"),
        ({"config": "net.py", "seeds": [0, 5]}, r"has the seeds \[5\], which 'single' does not have"),
        ({"config": "net.py", "after": ["more"]}, "in a circle: more → more"),
        ({"config": "net.py", "sweep": {"cost_weights": [2]}}, r"sweep\.cost_weights"),
    ],
)
def test_bad_runs_are_named(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_suite(write_suite(tmp_path, {**RUNS, "more": entry}))


def test_the_reference_needs_no_other_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must need no other run"):
        read_suite(write_suite(tmp_path, reference="dymu"))


def test_what_others_are_measured_by_is_swept(tmp_path: Path) -> None:
    single = {"config": "net.py", "swept": False}
    with pytest.raises(ValueError, match="must need no other run, no preference, and be swept"):
        read_suite(write_suite(tmp_path, {**RUNS, "single": single}))
    runs = {**RUNS, "base": single, "retrained": {"config": "net.py", "tree_of": "dymu", "flops_of": "base"}}
    with pytest.raises(ValueError, match=r"retrained\.flops_of='base' is not swept, so its FLOPs are not known"):
        read_suite(write_suite(tmp_path, runs))


def test_options_are_of_the_suite(tmp_path: Path) -> None:
    path = write_suite(tmp_path)
    assert read_suite(path, {"benchmark.seeds": [4]}).seeds == (4,)
    with pytest.raises(ValueError, match=r"a suite has no setting 'benchmrk\.seeds'"):
        read_suite(path, {"benchmrk.seeds": [4]})


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"runs\.single\.config: '.*nowhere\.py' does not exist"):
        read_suite(write_suite(tmp_path, {"single": {"config": "nowhere.py"}}))
    with pytest.raises(FileNotFoundError, match=r"suite 'none\.py' does not exist"):
        read_suite("none.py")
    (tmp_path / "empty.py").write_text("runs = 1\n")
    with pytest.raises(ValueError, match="has no dictionary 'benchmark'"):
        read_suite(tmp_path / "empty.py")


def test_names_are_folders_names(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"runs\.a/b: a name may have"):
        read_suite(write_suite(tmp_path, {"a/b": {"config": "net.py"}}))


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_shipped_suites_can_be_built(path: Path) -> None:
    suite = read_suite(path)
    for run in suite.runs:
        config = Config.fromfile(run.config)
        tops = {*config, "norm_statistics", "run_anchor", "load_from"}
        options = dict(run.cfg_options)
        if run.preference_option:
            options[run.preference_option] = list(suite.preferences[0])
        assert {name.partition(".")[0] for name in options} <= tops
        config.merge_from_dict(options)
        init_default_scope(config.default_scope)
        # Misspelt settings of stages and hypernets are refused.
        stages = {stage.name: stage for stage in build_stages(config.train_cfg.stages)}
        assert MODELS.build(config.model).tasks == tuple(config.model.tasks)
        assert {*config.train_cfg.get("skip", ())} <= {*config.train_cfg.stages}
        if run.preference_option:
            (objective,) = (s.objective for s in stages.values() if isinstance(s.objective, TreeObjective))
            assert objective.preference == list(suite.preferences[0])


def merged(run: SuiteRun) -> dict[str, Any]:
    config = Config.fromfile(run.config)
    config.merge_from_dict(dict(run.cfg_options))
    return config.to_dict()


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_what_shipped_suites_sweep_is_what_they_have_trained(path: Path) -> None:
    suite = read_suite(path)
    for run in (run for run in suite.runs if not run.trains):
        assert run.load_from is not None
        first, second = merged(suite.run(run.load_from)), merged(run)
        for config in (first, second):
            config["train_cfg"].pop("skip", None)
            config["model"].pop("weight_hypernet")
            config.pop("run_anchor", None)
        assert first == second, run.name


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "results").glob("*.json")), ids=lambda path: path.stem)
def test_kept_results_are_of_what_the_suites_ask(path: Path, tmp_path: Path) -> None:
    suite = read_suite(ROOT / "configs" / "benchmarks" / f"{path.stem}.py")
    kept = read_benchmark(path)
    check_stored(suite, {path.name: kept})
    joined = read_results(suite, suite_jobs(suite, tmp_path), {path.name: kept})
    assert joined.methods == kept.methods, "a config or sweep has changed since: run them again, or drop the file"
