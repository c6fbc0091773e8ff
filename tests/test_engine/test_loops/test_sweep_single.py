"""Sweeps whose losses are divided by another sweep's single-task nets, of the anchor itself, at listed preferences."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmdymu import Preference
from mmdymu.evaluation.sweep import sweep_table
from mmdymu.visualization.sweep import read_sweep, write_report

IMAGES = 3
EVALUATOR = [{"type": "DepthMetric"}, {"type": "NormalsMetric"}]


def checkpoint(folder: Path, seed: int, controllable: bool = True) -> str:
    model = tiny.build_model(seed=seed, stream=tiny.SHORT)
    if controllable:
        model.loss_scale.fill_(1)
        with torch.no_grad():
            model.edge_hypernet.logits.weight.mul_(20)
    torch.save({"state_dict": model.state_dict(), "meta": {}}, folder / f"model{seed}.pth")
    return str(folder / f"model{seed}.pth")


def sweep(
    folder: Path, path: str, images: int = IMAGES, settings: dict[str, Any] | None = None, **changes: Any
) -> None:
    default = {"preferences": 2, "cost_weights": (0.0, 1.0), "curve_preferences": 3, "references": (30.0,)}
    config = tiny.run_config(
        folder / "work",
        **{
            "model": tiny.model_config(stream=tiny.SHORT),
            "load_from": path,
            "test_dataloader": {**tiny.test_loader(size=images), "batch_size": 2},
            "test_evaluator": EVALUATOR,
            "test_cfg": {
                "type": "PreferenceSweepLoop", "sweep": {**default, **(settings or {})}, "out": str(folder)
            },
            "experiment_name": f"{folder.parent.name}{folder.name}{len(list(folder.glob('work/*')))}",
            **changes,
        },
    )  # fmt: skip
    Runner.from_cfg(Config(config.to_dict())).test()


def lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    found = map(json.loads, (folder / "sweep.jsonl").read_text().splitlines())
    return [line for line in found if line["kind"] == kind]


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of single-task nets whose controller was never trained."""
    folder = tmp_path_factory.mktemp("single")
    sweep(folder / "s", checkpoint(folder, 0, controllable=False), run_anchor=True)
    return folder / "s"


@pytest.fixture(scope="module")
def divided(single: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("divided")
    sweep(folder / "s", checkpoint(folder, 1), settings={"single": str(single), "oracle_images": 2})
    return folder / "s"


def test_the_anchor_itself_is_swept(single: Path) -> None:
    (line,) = lines(single, "single")
    runs = lines(single, "run")
    assert len(runs) == 4
    assert all(run["losses"] == line["losses"] and run["metrics"] == line["metrics"] for run in runs)
    assert {bracket["choice"] for bracket in lines(single, "bracket")} == {"controller"}
    summary = json.loads((single / "summary.json").read_text())
    assert [row["weighted_loss"] for row in summary["by_cost_weight"]] == pytest.approx([1.0, 1.0])
    assert summary["controller"]["params"] == 0
    assert not {"trees", "cost_curve", "simplex"} & set(summary)
    assert summary["header"]["run_anchor"] is True


def test_the_other_sweeps_line_takes_the_place_of_the_own_anchor(single: Path, divided: Path, tmp_path: Path) -> None:
    (line,) = lines(single, "single")
    assert lines(divided, "single") == [line]
    own = tmp_path / "own"
    sweep(own, checkpoint(tmp_path, 1), settings={"oracle_images": 2})
    assert lines(own, "single") != [line]
    brackets = [
        [(b["index"], b["choice"], b["parents"]) for b in lines(folder, "bracket")] for folder in (divided, own)
    ]
    assert brackets[0] == brackets[1], "what is searched is the same"
    assert {choice for _, choice, _ in brackets[0]} == {"controller", "heuristic", "oracle"}
    for run, plain in zip(lines(divided, "run"), lines(own, "run"), strict=True):
        assert run["losses"] == plain["losses"]
        assert run["delta_m"] != plain["delta_m"]
    row = json.loads((divided / "summary.json").read_text())["by_cost_weight"][0]
    runs = [run for run in lines(divided, "run") if run["cost_weight"] == 0]
    weighted = [
        sum(r * a / b for r, a, b in zip(run["weights"], run["losses"], line["losses"], strict=True)) for run in runs
    ]
    assert row["weighted_loss"] == pytest.approx(sum(weighted) / len(weighted))


@pytest.mark.parametrize("given", [True, False])
def test_a_static_tree_has_no_rivals(single: Path, tmp_path: Path, given: bool) -> None:
    static = tiny.model_config(
        stream=tiny.SHORT, edge_hypernet={"type": "FixedEdges", "tree": "shared"}, weight_hypernet=None
    )
    settings = {"oracle_images": 2, "cost_weights": (0.0,), **({"single": str(single)} if given else {})}
    sweep(tmp_path / "s", checkpoint(tmp_path, 1), settings=settings, model=static)
    assert {bracket["choice"] for bracket in lines(tmp_path / "s", "bracket")} == {"controller"}
    assert not list((tmp_path / "s").glob("oracle_table_*"))


def test_header_summary_table_and_page_name_the_source(single: Path, divided: Path, tmp_path: Path) -> None:
    summary = json.loads((divided / "summary.json").read_text())
    assert summary["header"]["single_from"] == str(single / "sweep.jsonl")
    assert len(summary["header"]["single"]) == 64
    assert f"single-task nets in {single}" in sweep_table(summary)
    assert read_sweep(divided).header.single_from == str(single / "sweep.jsonl")
    report = write_report(divided, tmp_path / "page.html")
    assert "brackets" not in report.missing
    assert f"those that {single}" in report.page.read_text(encoding="utf-8")
    missing = write_report(single, tmp_path / "single.html").missing
    assert {"trees", "cost", "simplex"} <= missing.keys()
    assert missing["brackets"] == "the summary compares no trees at equal share"


def test_a_killed_sweep_goes_on_and_may_find_the_source_elsewhere(single: Path, divided: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.jsonl"
    shutil.copy(single / "sweep.jsonl", moved)
    folder = tmp_path / "s"
    folder.mkdir()
    whole = (divided / "sweep.jsonl").read_text().splitlines(keepends=True)
    (folder / "sweep.jsonl").write_text("".join(whole[:-2]))
    sweep(folder, checkpoint(tmp_path, 1), settings={"single": str(moved), "oracle_images": 2})
    assert lines(folder, "run") == lines(divided, "run")
    assert [path.name for path in folder.glob("oracle_table_*")] == [
        path.name for path in divided.glob("oracle_table_*")
    ]
    with pytest.raises(ValueError, match=r"belongs to another sweep.*single '.*', now None"):
        sweep(folder, checkpoint(tmp_path, 1), settings={"oracle_images": 2})


def test_other_data_are_refused(single: Path, tmp_path: Path) -> None:
    path = checkpoint(tmp_path, 1)
    with pytest.raises(ValueError, match=rf"other data \(images {IMAGES}, here 2; data_sha256 .*: sweep them on"):
        sweep(tmp_path / "a", path, images=2, settings={"single": str(single)})
    with pytest.raises(ValueError, match=r"other data \(metrics_sha256 "):
        sweep(tmp_path / "b", path, test_evaluator=EVALUATOR[:1], settings={"single": str(single)})
    assert not (tmp_path / "a" / "sweep.jsonl").exists()


def test_budgets_do_not_go_with_the_anchor(tmp_path: Path) -> None:
    settings = {"cost_weights": None, "budgets": [{"params": 1e9}]}
    with pytest.raises(ValueError, match="run_anchor=True sweeps one tree"):
        sweep(tmp_path / "s", checkpoint(tmp_path, 0), settings=settings, run_anchor=True)


def test_listed_preferences_are_tested_as_given(tmp_path: Path) -> None:
    listed = [[1, 0, 0], [6, 3, 1]]
    folder = tmp_path / "s"
    sweep(folder, checkpoint(tmp_path, 1), settings={"preferences": listed, "cost_weights": (0.5,)})
    runs = lines(folder, "run")
    assert [run["weights"] for run in runs] == [pytest.approx([1, 0, 0]), pytest.approx([0.6, 0.3, 0.1])]
    model = tiny.build_model(seed=1, stream=tiny.SHORT)
    model.load_state_dict(torch.load(tmp_path / "model1.pth")["state_dict"])
    tree = model.predict_tree(Preference(tiny.TASKS, tuple(runs[1]["weights"]), 0.5))
    assert runs[1]["parents"] == [list(row) for row in tree.parents]
    record = read_sweep(folder)
    assert (record.header.preferences, record.header.listed) == (2, True)
    assert "as listed" in write_report(folder).page.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="given_preferences"):
        sweep(folder, checkpoint(tmp_path, 1), settings={"preferences": 2, "cost_weights": (0.5,)})
    with pytest.raises(ValueError, match="pref"):
        sweep(tmp_path / "t", checkpoint(tmp_path, 1), settings={"preferences": [[1, 0]]})
