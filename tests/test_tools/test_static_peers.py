"""Static networks, PHN and PHN-BN through the real tools: train, test, sweep."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tiny
import tiny_classes
import torch
from mmengine.config import Config

HYPERNETS: dict[str, Any] = {
    "static": None,
    "phn": {"type": "mmdymu.ChunkedHypernet", "hidden": 20},
    "phn_bn": {"type": "mmdymu.WeightHypernet"},
}
ASKED = "train_cfg.stages.tree.objective.preference=[0.6,0.2,0.2]"


def write_config(folder: Path, family: str, kind: str) -> str:
    parts = {"edge_hypernet": {"type": "mmdymu.FixedEdges"}, "weight_hypernet": HYPERNETS[kind]}
    objective = {"type": "TreeObjective", "concentrations": (1.0,)}
    stage = {"name": "tree", "max_iters": 1, "objective": objective}
    if family == "segmentor":
        changes: dict[str, Any] = {
            "model": tiny.model_config(stream=tiny.SHORT, **parts),
            "test_dataloader": {**tiny.test_loader(size=2), "batch_size": 2},
            "test_evaluator": [{"type": "DepthMetric"}],
        }
    else:
        data = tiny_classes.write_images(folder / "data")
        changes = {
            "model": tiny_classes.model_config(**parts),
            "train_dataloader": tiny_classes.loader(data),
            "test_dataloader": tiny_classes.loader(data, "test"),
            "test_evaluator": [{"type": "AccuracyMetric", "task": "fish"}],
        }
    config = tiny.run_config(
        "work",
        tiny.TASKS if family == "segmentor" else tiny_classes.TASKS,
        train_cfg=tiny.train_cfg(stage),
        test_cfg={},
        norm_statistics="calibrated",
        sweep={"preferences": 2, "cost_weights": [0, 1], "curve_preferences": 3},
        experiment_name=f"{folder.name}_{family}_{kind}",
        **changes,
    )
    Config(config.to_dict()).dump("config.py")
    return "config.py"


@pytest.mark.parametrize("family", ["segmentor", "classifier"])
@pytest.mark.parametrize("kind", HYPERNETS)
def test_train_test_and_sweep(
    family: str,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    load_tool: Callable[[str], ModuleType],
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.chdir(tmp_path)
    config = write_config(tmp_path, family, kind)
    train, test, sweep = (load_tool(name).main for name in ("train", "test", "sweep"))

    assert train([config, *(["--cfg-options", ASKED] if kind == "static" else [])]) == 0
    checkpoint = Path("work/last_checkpoint").read_text()
    state = torch.load(checkpoint, weights_only=False)["state_dict"]
    assert state["loss_scale"].tolist() == [1, 1, 1]

    assert test([config, checkpoint, "--out", "out.json", "--cfg-options", "pref=[0,0.5,0.5]"]) == 0
    report = json.loads(Path("out.json").read_text())
    assert report["share"] == 0
    assert report["nodes_used"] * 3 == report["nodes_total"]

    assert sweep([config, checkpoint, "--out", "sweep"]) == 0
    lines = [json.loads(line) for line in Path("sweep/sweep.jsonl").read_text().splitlines()]
    runs = [line for line in lines if line["kind"] == "run"]
    assert len(runs) == 4
    assert all(row == [0, 0, 0] for run in runs for row in run["parents"])
    # Weights change with the preference, except in a static network, and never with the cost weight alone in PHN.
    networks = {tuple(run["losses"]) for run in runs}
    assert len(networks) == {"static": 1, "phn": 2, "phn_bn": 4}[kind]
    controller = json.loads(Path("sweep/summary.json").read_text())["controller"]
    made = sum(value.numel() for name, value in state.items() if name.startswith("weight_hypernet."))
    assert controller["edge_hypernet"] == 0
    assert controller["params"] == controller["weight_hypernet"] == made
    assert (made == 0) == (kind == "static")
