from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdymu import BranchingTree, Preference
from mmdymu.engine import Frames, PreferenceHook, calibrate
from mmdymu.search import NodeProfile, tree_within_budget
from mmdymu.search.profile import model_signature


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a model whose edge hypernet answers everything by chance."""
    model = tiny.build_model(stream=tiny.SHORT)
    model.loss_scale.fill_(1.0)
    path = tmp_path_factory.mktemp("model") / "model.pth"
    torch.save({"state_dict": model.state_dict(), "meta": {}}, path)
    return str(path)


def build(folder: Path, checkpoint: str | None, **changes: Any) -> Runner:
    return tiny.build_runner(
        folder,
        model=tiny.model_config(stream=tiny.SHORT),
        test_dataloader=tiny.test_loader(),
        test_cfg={"type": "TestLoop"},
        test_evaluator=[{"type": "DepthMetric"}],
        load_from=checkpoint,
        **changes,
    )


@pytest.mark.parametrize(
    ("pref", "weights"),
    [
        ([0.6, 0.2, 0.2], (0.6, 0.2, 0.2)),
        ((0, 0, 1), (0, 0, 1)),
        ({"normals": 0.25, "semseg": 0.75}, (0.75, 0, 0.25)),
        (None, (1 / 3,) * 3),
    ],
)
@pytest.mark.parametrize("cost_weight", [None, 0.5])
def test_reads_preference_and_cost_weight(
    tmp_path: Path, checkpoint: str, pref: Any, weights: tuple[float, ...], cost_weight: float | None
) -> None:
    changes = {} if cost_weight is None else {"cost_weight": cost_weight}
    runner = build(tmp_path, checkpoint, pref=pref, **changes)
    runner.test()
    chosen = runner.model.selection
    assert chosen.preference == Preference(tiny.TASKS, weights, cost_weight or 0.0)
    assert chosen.tree == runner.model.predict_tree(chosen.preference)


def test_unset_is_uniform_and_free(tmp_path: Path, checkpoint: str) -> None:
    runner = build(tmp_path, checkpoint)
    runner.test()
    assert runner.model.selection.preference == Preference.uniform(tiny.TASKS)
    assert runner.model.norm_statistics == "running"


def test_one_runner_tests_several_preferences(tmp_path: Path, checkpoint: str) -> None:
    runner = build(tmp_path, checkpoint)
    found = {}
    for task in range(3):
        runner.cfg.pref = [float(i == task) for i in range(3)]
        error = runner.test()["depth/rmse"]
        found[error] = runner.model.selection.tree
    assert len(found) == len(set(found.values()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pref": [0.5, 0.5]}, "has 2 entries for 3 tasks"),
        ({"pref": {"edges": 1.0}}, r"unknown tasks \['edges'\]"),
        ({"pref": [1, -1, 1]}, "negative"),
        ({"pref": "uniform"}, "pref='uniform'"),
        ({"cost_weight": 1.5}, r"cost_weight must be a number in \[0, 1\], got 1.5"),
        ({"norm_statistics": "best"}, "norm_statistics='best'"),
        (
            {"budget": {"flops": 1e9}, "cost_weight": 0.5},
            r"cost_weight=0.5 and budget={'flops': 1.*} exclude each other",
        ),
        ({"budget": {"flops": 1e9}, "run_anchor": True}, "run_anchor=True and budget=.* exclude each other"),
        (
            {"budget": {"flops": 1.0}},
            r"budget.flops=1 is too small for any tree: .* needs budget.flops=\d+, the smallest",
        ),
        ({"budget": {"macs": 1e9}}, "unknown kind 'macs'"),
        ({"budget": {"flops": 1e9, "params": 1e6}}, "has 2 kinds"),
        ({"budget": "flops=1e9"}, "budget='flops=1e9' must be a dict"),
        ({"budget": {"latency_ms": 20}}, "budget.latency_ms needs a profile"),
    ],
)
def test_names_what_is_wrong(tmp_path: Path, checkpoint: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(tmp_path, checkpoint, **changes).test()


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"pref": [0.5, 0.5]}, "has 2 entries for 3 tasks"), ({"budget": {"macs": 1e9}}, "unknown kind 'macs'")],
)
def test_names_what_is_wrong_before_training(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    runner = tiny.build_runner(tmp_path, model=tiny.model_config(stream=tiny.SHORT), **changes)
    with pytest.raises(ValueError, match=message):
        runner.train()
    assert runner.iter == 0


@pytest.mark.parametrize("norm_statistics", ["running", "calibrated"])
def test_a_budget_takes_the_place_of_the_cost_weight(tmp_path: Path, checkpoint: str, norm_statistics: str) -> None:
    runner = build(tmp_path, checkpoint, pref=[0.6, 0.2, 0.2], norm_statistics=norm_statistics)
    runner.load_or_resume()
    model = runner.model
    with torch.no_grad():
        model.edge_hypernet.logits.bias.copy_(5 * torch.eye(3).flatten().repeat(3))  # Separate streams, if affordable.
    low, high = (model.complexity.flops(tree) for tree in (BranchingTree.shared(3, 3, 0), model.anchor_tree))
    chosen = set()
    for limit in (low, (low + high) / 2, high):
        runner.cfg.budget = {"flops": limit}
        runner.test()
        expected = tree_within_budget(model, Preference(tiny.TASKS, (0.6, 0.2, 0.2)), {"flops": limit})
        assert model.selection.tree == expected.tree
        assert model.selection.preference.cost_weight == 0
        assert model.report()["budget"] == {"flops": limit, **expected.about()["budget"]}
        assert model.report()["gflops"] * 1e9 == pytest.approx(expected.cost)
        chosen.add(expected.tree)
    assert len(chosen) > 1
    runner.cfg.budget = None
    runner.test()
    assert model.selection.tree == model.predict_tree(model.selection.preference)
    assert "budget" not in model.report()


def test_a_budget_of_latency_reads_its_profile(tmp_path: Path, checkpoint: str) -> None:
    runner = build(tmp_path, checkpoint, profile=str(tmp_path / "profile.json"), budget={"latency_ms": 11.5})
    with pytest.raises(FileNotFoundError, match=r"profile '.*profile.json' does not exist"):
        runner.test()
    signature = model_signature(runner.model)
    profile = NodeProfile((1.0, 2.0, 3.0), (1.0, 1.0, 1.0), 0.5, tiny.SIZE, "cpu", signature)
    profile.save(tmp_path / "profile.json")
    runner.test()
    assert profile.latency_ms(runner.model.selection.tree) <= 11.5
    assert runner.model.report()["budget"]["cost"] == profile.latency_ms(runner.model.selection.tree)


def test_a_hard_budget_of_an_untrained_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not trained, so no tree can be chosen for a budget"):
        build(tmp_path, None, budget={"flops": 1e9}).test()


def test_refuses_wrong_preferences_of_an_untrained_model_too(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has 2 entries"):
        build(tmp_path, None, pref=[0.5, 0.5]).test()


def test_an_untrained_model_runs_its_anchor_and_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    runner = build(tmp_path, None, pref=[1, 0, 0])
    runner.test()
    assert runner.model.selection is None
    assert "edge hypernet is not trained" in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"cost_weight": 0.5}, "normals 0.2; cost weight 0.5"),
        ({"budget": {"flops": 1e12}}, "normals 0.2; at most 1000 GFLOPs (multiply-adds)\nbudget: at most 1000"),
    ],
)
def test_logs_the_network(
    tmp_path: Path, checkpoint: str, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], told: str
) -> None:
    runner = build(tmp_path, checkpoint, pref=[0.6, 0.2, 0.2], **asked)
    runner.load_or_resume()
    lines: list[str] = []
    monkeypatch.setattr(runner.logger, "info", lines.append)
    monkeypatch.setattr(runner.logger, "log", lambda _level, text: lines.append(text))
    PreferenceHook().before_test(runner)
    report, text = runner.model.report(), "\n".join(lines)
    assert "preference: semseg 0.6, depth 0.2, normals 0.2; " in text
    assert told in text
    assert ("cost weight" in text) == ("budget" not in asked)
    assert report["tree"] in text
    assert f"nodes {report['nodes_used']} of 9" in text
    assert "at 32x48" in text


@pytest.mark.parametrize("setting", ["running", "batch", "calibrated"])
def test_norm_statistics(tmp_path: Path, checkpoint: str, setting: str) -> None:
    runner = build(tmp_path, checkpoint, norm_statistics=setting)
    outputs: list[dict[str, torch.Tensor]] = []

    class Outputs(Hook):
        def before_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
            data = runner.model.data_preprocessor(data_batch, False)
            with torch.no_grad():
                outputs.append(runner.model(**data, mode="tensor"))

    runner.register_hook(Outputs())
    runner.test()
    model, tree = runner.model, runner.model.selection.tree
    batches = tiny.frames().batches(model, batch_size=1)
    assert model.norm_statistics == setting
    chosen = model.selection
    if setting == "calibrated":
        # Four images of the training set, as the runner's config says.
        plain = Frames.from_config(runner.cfg).batches(model, 4)
        chosen = chosen.with_states(calibrate(model, chosen, plain))
    with torch.no_grad():
        expected = [model.run_tree(batch.inputs, tree, chosen.node_states) for batch in batches]
    for found, wanted in zip(outputs, expected, strict=True):
        assert all(torch.allclose(found[task], wanted[task], atol=1e-6) for task in model.tasks)


def test_the_three_settings_differ(tmp_path: Path, checkpoint: str) -> None:
    errors = {
        setting: build(tmp_path, checkpoint, norm_statistics=setting).test()["depth/rmse"]
        for setting in ("running", "batch", "calibrated")
    }
    assert len(set(errors.values())) == 3


def test_refuses_to_test_a_checkpoint_of_another_kind(tmp_path: Path) -> None:
    runner = tiny.build_runner(tmp_path, test_dataloader=tiny.test_loader(), test_cfg={}, test_evaluator=[])
    weights = {key: value for key, value in runner.model.state_dict().items() if key != "_extra_state"}
    torch.save({"state_dict": weights, "meta": {}}, tmp_path / "foreign.pth")
    runner.load_checkpoint(str(tmp_path / "foreign.pth"))
    with pytest.raises(ValueError, match="names no tasks"):
        runner.call_hook("before_test")
