from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import tiny
import torch
from mmengine.config import Config
from test_deploy.nets import difference, images, look_trained
from torch import nn

from mmdymu import Preference
from mmdymu.deploy import comparing, fix
from mmdymu.search import NodeProfile
from mmdymu.search.profile import model_signature


@pytest.fixture
def export_tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("export")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """The model whose config and checkpoint lie in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCAL_RANK", "0")
    loader = tiny.test_loader()
    metrics = [
        {"type": "mmdymu.SegmentationMetric", "classes": list("abcd")},
        {"type": "mmdymu.DepthMetric"},
        {"type": "mmdymu.NormalsMetric"},
    ]
    config = tiny.run_config("work", test_dataloader=loader, test_cfg={}, test_evaluator=metrics)
    config.dump("config.py")
    model = look_trained(tiny.build_model())
    meta = {"dataset_meta": {"classes": {"semseg": ("wall", "floor", "bed", "other")}}}
    torch.save({"state_dict": model.state_dict(), "meta": meta}, "model.pth")
    return model


def test_pickle(export_tool: ModuleType, model: nn.Module, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--pref", "semseg=0.6", "depth=0.4", "--cost-weight", "0.5", "--out", "new/network.pth"]
    assert export_tool.main(["config.py", "model.pth", *options]) == 0
    network = torch.load("new/network.pth", weights_only=False)
    model.set_preference(Preference(model.tasks, (0.6, 0.4, 0.0), 0.5))
    assert difference(network(images()), model(images())) <= 1e-4
    assert network.manifest["classes"] == {"semseg": ["wall", "floor", "bed", "other"]}
    told = capsys.readouterr().out
    assert network.manifest["tree"]["drawing"] in told
    assert "GFLOPs" in told
    assert "before folding" in told
    assert "written: new/network.pth" in told


def test_the_configs_preference_and_statistics(export_tool: ModuleType, model: nn.Module) -> None:
    options = ["--no-fold", "--out", "network.ts", "--cfg-options", "pref=[0.2,0.3,0.5]", "norm_statistics=calibrated"]
    assert export_tool.main(["config.py", "model.pth", *options]) == 0
    extra = {"manifest.json": ""}
    torch.jit.load("network.ts", _extra_files=extra)
    manifest = json.loads(extra["manifest.json"])
    assert manifest["preference"] == {"semseg": 0.2, "depth": 0.3, "normals": 0.5}
    assert manifest["norm_statistics"] == "calibrated"
    assert manifest["folded_norms"] == 0


def test_a_budget(export_tool: ModuleType, model: nn.Module, capsys: pytest.CaptureFixture[str]) -> None:
    limit = 1.1 * model.complexity.flops(model.anchor_tree) / 2
    assert export_tool.main(["config.py", "model.pth", "--budget", f"flops={limit}", "--out", "network.pth"]) == 0
    manifest = torch.load("network.pth", weights_only=False).manifest
    assert manifest["flops"] == manifest["budget"]["cost"] <= limit
    assert "budget: " in capsys.readouterr().out


def test_eight_bits(export_tool: ModuleType, model: nn.Module, capsys: pytest.CaptureFixture[str]) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason="needs requirements/export.txt")
    options = ["--int8", "--calibration-images", "4", "--out", "network.onnx"]
    assert export_tool.main(["config.py", "model.pth", "--budget", "flops=2e6", *options]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    metrics = {row[0]: [float(number) for number in row[1:]] for row in rows if row and "/" in row[0] and len(row) == 4}
    assert {"semseg/mIoU", "depth/rmse", "normals/mean"} <= set(metrics)
    assert all(change == pytest.approx(int8 - whole, abs=2e-4) for whole, int8, change in metrics.values())
    from mmdymu.deploy import OnnxNetwork

    assert OnnxNetwork("network.onnx").manifest["int8"]["calibration_images"] == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "x.tar"], "--out 'x.tar' must end in one of"),
        (["--out", "x.pth", "--int8"], "--int8 quantises ONNX files, the format is 'pickle'"),
        (["--out", "x.onnx", "--int8", "--postprocess"], "--int8 tests raw head outputs"),
        (["--out", "model.pth"], "is the checkpoint itself, which would be lost"),
        (["--out", "x.pth", "--resize", "8", "8"], "--resize is a part of --preprocess"),
        (["--out", "x.pth", "--pref", "1", "2"], "has 2 entries for 3 tasks"),
        (["--out", "x.pth", "--pref", "semseg=1", "2"], "--pref: give all weights by name or none"),
        (["--out", "x.pth", "--pref", "a", "b", "c"], "--pref: 'a' is no number"),
        (["--out", "x.pth", "--pref", "edges=1"], "unknown tasks ['edges']"),
        (["--out", "x.pth", "--budget", "flops=1"], "budget.flops=1 is too small for any tree"),
        (["--out", "x.pth", "--budget", "watts=1"], "unknown kind 'watts'"),
        (["--out", "x.pth", "--budget", "params"], "--budget: 'params' must be KIND=LIMIT"),
        (["--out", "x.pth", "--budget", "latency_ms=5"], "needs a profile"),
        (
            ["--out", "x.pth", "--cfg-options", "budget.latency_ms=5", "profile=no.json"],
            "profile 'no.json' does not",
        ),
        (["--out", "x.pth", "--profile", "no.json"], "profile 'no.json' does not exist"),
        (
            ["--out", "x.pth", "--pref", "1", "1", "1", "--cfg-options", "run_anchor=True"],
            "leave out preference",
        ),
        (
            ["--out", "x.pth", "--cost-weight", "0.5", "--cfg-options", "run_anchor=True"],
            "leave out preference",
        ),
        (["--out", "x.pth", "--cfg-options", "budget.flops=1e9", "run_anchor=True"], "leave out preference and budget"),
        (["--out", "x.pth", "--cost-weight", "2"], "cost_weight must be a number in [0, 1], got 2"),
        (["--out", "x.pth", "--cfg-options", "norm_statistics=batch"], "norm_statistics='batch'"),
    ],
)
def test_bad_input(export_tool, model, capsys, options: list[str], message: str) -> None:
    assert export_tool.run_tool(export_tool.main, ["config.py", "model.pth", *options]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert not list(Path().glob("x.*"))


def test_an_untrained_model(export_tool, model, capsys) -> None:
    model.loss_scale.fill_(torch.nan)
    torch.save({"state_dict": model.state_dict(), "meta": {}}, "model.pth")
    assert export_tool.run_tool(export_tool.main, ["config.py", "model.pth", "--out", "x.pth"]) == 2
    told = capsys.readouterr().err
    assert "edge hypernet is not trained" in told
    assert "run_anchor=True" in told
    assert export_tool.main(["config.py", "model.pth", "--out", "x.pth", "--cfg-options", "run_anchor=True"]) == 0


def test_the_anchor(export_tool: ModuleType, model: nn.Module, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--out", "network.pth", "--cfg-options", "run_anchor=True", "pref=[1,0,0]", "norm_statistics=calibrated"]
    assert export_tool.main(["config.py", "model.pth", *options]) == 0
    network = torch.load("network.pth", weights_only=False)
    assert network.manifest["preference"] is None
    assert network.manifest["tree"]["parents"] == [list(row) for row in model.anchor_tree.parents]
    assert difference(network(images()), model(images())) <= 1e-4
    assert "the single-task networks" in capsys.readouterr().out


@pytest.mark.parametrize("on_the_command_line", [True, False])
def test_a_budget_of_latency(export_tool: ModuleType, model: nn.Module, on_the_command_line: bool) -> None:
    times = {"node_ms": (1.0,) * model.num_layers, "head_ms": (0.5,) * 3, "overhead_ms": 0.0, "device": "cpu"}
    NodeProfile(**times, size=tiny.SIZE, model=model_signature(model)).save("profile.json")
    # As tools/profile_nodes.py tells to.
    profile = ["--profile", "profile.json"] if on_the_command_line else []
    settings = ["budget.latency_ms=9", *(["profile=no.json"] if profile else ["profile=profile.json"])]
    options = ["--out", "network.pth", *profile, "--cfg-options", *settings]
    assert export_tool.main(["config.py", "model.pth", *options]) == 0
    manifest = torch.load("network.pth", weights_only=False).manifest
    assert manifest["budget"]["latency_ms"] == 9
    assert manifest["budget"]["cost"] <= 9


def test_the_configs_profile_is_for_budgets_of_latency(export_tool: ModuleType, model: nn.Module) -> None:
    options = ["--out", "network.pth", "--cfg-options", "budget.flops=1e9", "profile=no.json"]
    assert export_tool.main(["config.py", "model.pth", *options]) == 0


@pytest.mark.parametrize("key", ["test_dataloader", "test_evaluator"])
def test_eight_bits_need_a_test_before_anything_is_written(export_tool, model, capsys, monkeypatch, key: str) -> None:
    monkeypatch.setattr(export_tool, "fix", None)  # Nothing has been computed.
    config = Config.fromfile("config.py")
    config.pop(key)
    config.dump("config.py")
    options = ["config.py", "model.pth", "--int8", "--out", "x.onnx"]
    assert export_tool.run_tool(export_tool.main, options) == 2
    assert "the config has no test_dataloader or no test_evaluator" in capsys.readouterr().err
    assert not list(Path().glob("x.*"))


def test_a_network_that_differs_from_the_model_is_not_written(export_tool, model, monkeypatch) -> None:
    def wrong(*args, **options) -> nn.Module:
        network = fix(*args, **options)
        next(network.heads.parameters()).mul_(1.01)
        return network

    monkeypatch.setattr(comparing, "fix", wrong)
    with pytest.raises(RuntimeError, match="the fixed network's results differ from the model's"):
        export_tool.main(["config.py", "model.pth", "--out", "x.pth"])
    assert not Path("x.pth").exists()


def test_what_only_rounding_explains_is_told(export_tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {False: (0.0, None), True: (3e-4, 2e-7)}
    monkeypatch.setattr(export_tool, "check_fixed", lambda model, selection, fold: found[fold])
    assert export_tool.compare(None, None, True).endswith(
        "0.0e+00 before folding, 3.0e-04 (rounding: in float64 2.0e-07) after"
    )
    assert export_tool.compare(None, None, False).endswith("0.0e+00 before folding")
