"""Sweeps as a test, as a validation, killed, and in two processes."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.runner import Runner
from test_engine.test_loops.test_distributed import free_ports
from torch.multiprocessing import spawn

from mmdymu import BranchingTree, Budget, Preference
from mmdymu.engine import PreferenceSweepLoop, calibrate
from mmdymu.engine.frames import Frames
from mmdymu.evaluation.sweep import SharedEvaluation, sweep_table
from mmdymu.models import ControllableSegmentor
from mmdymu.models.segmentors import Selection
from mmdymu.search import NodeProfile, tree_within_budget
from mmdymu.search.profile import model_signature
from mmdymu.visualization.sweep import read_sweep

SETTINGS = {
    "preferences": 2,
    "cost_weights": (0.0, 1.0),
    "references": (2.0, 30.0),
    "curve_preferences": 5,
    "runs_per_pass": 3,
}
IMAGES = 5
EVALUATOR = [
    {"type": "SegmentationMetric", "classes": list("abcd")},
    {"type": "DepthMetric"},
    {"type": "NormalsMetric"},
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Trained so little that the hypernets still answer by chance, which gives many different trees."""
    folder = tmp_path_factory.mktemp("run")
    model = tiny.train(folder, model=tiny.model_config(stream=tiny.SHORT)).model
    with torch.no_grad():
        model.edge_hypernet.logits.weight.mul_(20)
        for parameter in model.weight_hypernet.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    torch.save({"state_dict": model.state_dict(), "meta": {}}, folder / "model.pth")
    return str(folder / "model.pth")


def config(
    folder: Path, checkpoint: str, sweep: dict[str, Any] | None = None, fp16: bool = False, **changes: Any
) -> Config:
    settings = {**SETTINGS, **(sweep or {})}
    return tiny.run_config(
        folder,
        **{
            "model": tiny.model_config(stream=tiny.SHORT),
            "load_from": checkpoint,
            "test_dataloader": {**tiny.test_loader(size=IMAGES), "batch_size": 2},
            "test_evaluator": EVALUATOR,
            "test_cfg": {"type": "PreferenceSweepLoop", "sweep": settings, "out": str(folder / "s"), "fp16": fp16},
            **changes,
        },
    )


def sweep(folder: Path, checkpoint: str, **changes: Any) -> dict[str, float]:
    found = config(folder, checkpoint, **changes)
    found.experiment_name = f"{folder.name}{len(list(folder.glob('*')))}"
    return Runner.from_cfg(found).test()


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "s" / "sweep.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def swept(checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    folder = tmp_path_factory.mktemp("swept")
    return folder, sweep(folder, checkpoint)


def load_model(checkpoint: str) -> ControllableSegmentor:
    model = tiny.build_model(stream=tiny.SHORT)
    model.load_state_dict(torch.load(checkpoint)["state_dict"])
    return model.eval()


def test_every_run_equals_a_test_of_its_own(
    swept: tuple[Path, dict[str, float]], checkpoint: str, tmp_path: Path
) -> None:
    runs = [line for line in lines_of(swept[0]) if line["kind"] == "run"]
    assert [run["index"] for run in runs] == [0, 1, 2, 3]
    model = load_model(checkpoint)
    for run in runs[1:3]:
        own = config(tmp_path, checkpoint)
        own.test_cfg = {}
        own.update(pref=run["weights"], cost_weight=run["cost_weight"], experiment_name=f"own{run['index']}")
        assert run["metrics"] == Runner.from_cfg(own).test()
        tree = model.set_preference(Preference.parse(run["weights"], cost_weight=run["cost_weight"], tasks=tiny.TASKS))
        assert BranchingTree(tuple(map(tuple, run["parents"]))) == tree
        assert run["params"] == model.complexity.params(tree)
        assert run["flops"] == model.complexity.flops(tree)


def test_the_anchor_is_tested_as_it_is(swept: tuple[Path, dict[str, float]], checkpoint: str, tmp_path: Path) -> None:
    (single,) = (line for line in lines_of(swept[0]) if line["kind"] == "single")
    own = config(tmp_path, checkpoint)
    own.test_cfg = {}
    own.update(run_anchor=True, experiment_name="anchor")
    assert single["metrics"] == Runner.from_cfg(own).test()
    assert single["share"] == pytest.approx(1)


def test_rivals_cost_no_more(swept: tuple[Path, dict[str, float]]) -> None:
    lines = lines_of(swept[0])
    shares = {line["index"]: line["share"] for line in lines if line["kind"] == "run"}
    rivals = [line for line in lines if line["kind"] == "bracket"]
    assert {line["choice"] for line in rivals} == {"controller", "heuristic", "search"}
    assert len(rivals) == 3 * len(shares)
    assert all(line["share"] <= shares[line["index"]] + 1e-9 for line in rivals)
    assert all(len(line["losses"]) == 3 for line in rivals)


def test_a_sweep_within_budgets(checkpoint: str, tmp_path: Path) -> None:
    model = load_model(checkpoint)
    low, high = (model.complexity.flops(tree) for tree in (BranchingTree.shared(3, 3, 0), model.anchor_tree))
    limits = [low, (low + high) / 2]
    asked = {"cost_weights": None, "budgets": [{"flops": limit} for limit in limits]}
    scalars = sweep(tmp_path, checkpoint, sweep=asked)
    lines = lines_of(tmp_path)
    assert (lines[0]["cost_weights"], lines[0]["budgets"]) == ([], asked["budgets"])
    runs = [line for line in lines if line["kind"] == "run"]
    assert [run["budget"]["flops"] for run in runs] == limits * 2
    for run in runs:
        assert run["flops"] == run["search"]["cost"] <= run["budget"]["flops"]
        own = tree_within_budget(model, Preference(tiny.TASKS, tuple(run["weights"])), run["budget"])
        assert BranchingTree(tuple(map(tuple, run["parents"]))) == own.tree
        assert run["search"] == own.about()["budget"]
    tested = config(tmp_path, checkpoint)
    tested.test_cfg = {}
    tested.update(pref=runs[1]["weights"], budget=runs[1]["budget"], experiment_name="budget")
    assert runs[1]["metrics"] == Runner.from_cfg(tested).test()
    summary = json.loads((tmp_path / "s" / "summary.json").read_text())
    rows = summary["by_budget"]
    assert [row["budget"]["flops"] for row in rows] == limits
    assert rows[0]["mean_used"] == 1.0
    assert rows[1]["mean_used"] == pytest.approx((runs[1]["flops"] + runs[3]["flops"]) / 2 / limits[1])
    assert [row["largest_gap"] for row in rows] == [0.0, 0.0]
    assert not {"by_cost_weight", "cost_curve", "simplex", "trees"} & set(summary)
    assert scalars[f"sweep/mean_share_flops{low:g}"] == pytest.approx(0.0)
    assert str(Budget("flops", limits[1])) in sweep_table(summary)
    with pytest.raises(ValueError, match="a sweep over budgets has no figures and no page"):
        read_sweep(tmp_path / "s")


def test_an_infeasible_budget_is_refused_before_images_run(checkpoint: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"budget.flops=1 is too small for any tree"):
        sweep(tmp_path, checkpoint, sweep={"cost_weights": None, "budgets": [{"flops": 1.0}, {"flops": 1e12}]})
    assert not (tmp_path / "s").exists()
    with pytest.raises(ValueError, match=r"budget.latency_ms needs a profile"):
        sweep(tmp_path / "l", checkpoint, sweep={"cost_weights": None, "budgets": [{"latency_ms": 1.0}]})


def test_a_sweep_within_latencies_goes_on_with_the_same_profile_alone(checkpoint: str, tmp_path: Path) -> None:
    model, path = load_model(checkpoint), tmp_path / "profile.json"
    asked = {"cost_weights": None, "budgets": [{"latency_ms": 12.0}], "preferences": 1}
    for overhead in (0.5, 0.25):
        profile = NodeProfile((1.0, 2.0, 3.0), (1.0,) * 3, overhead, tiny.SIZE, "cpu", model_signature(model))
        profile.save(path)
        if overhead == 0.25:
            with pytest.raises(ValueError, match=r"belongs to another sweep, which cannot go on here \(profile_sha256"):
                sweep(tmp_path, checkpoint, sweep=asked, profile=str(path))
            continue
        sweep(tmp_path, checkpoint, sweep=asked, profile=str(path))
        (run,) = (line for line in lines_of(tmp_path) if line["kind"] == "run")
        tree = BranchingTree(tuple(map(tuple, run["parents"])))
        assert run["search"]["cost"] == profile.latency_ms(tree) <= 12.0


def test_summary_and_scalars(swept: tuple[Path, dict[str, float]]) -> None:
    folder, scalars = swept
    summary = json.loads((folder / "s" / "summary.json").read_text())
    assert {"header", "single", "by_cost_weight", "marginal", "control_range", "cost_curve", "simplex", "trees"} <= set(
        summary
    )
    assert [row["cost_weight"] for row in summary["by_cost_weight"]] == [0.0, 1.0]
    assert scalars["sweep/hypervolume_c1"] == summary["by_cost_weight"][1]["hypervolume"]["2.0"]
    deltas = [line["delta_m"] for line in lines_of(folder) if line["kind"] == "run"]
    assert scalars["multi_task/delta_m"] == pytest.approx(sum(deltas) / len(deltas))


def test_baselines_of_the_config_count(checkpoint: str, tmp_path: Path) -> None:
    baselines = {"semseg/mIoU": 50.0, "depth/rmse": 2.0}
    evaluator = {"type": "MultiTaskEvaluator", "metrics": EVALUATOR, "baselines": baselines}
    settings = {"preferences": 1, "cost_weights": (0.0,)}
    sweep(tmp_path, checkpoint, sweep=settings, test_evaluator=evaluator)
    (run,) = (line for line in lines_of(tmp_path) if line["kind"] == "run")
    gains = (run["metrics"]["semseg/mIoU"] / 50 - 1, 1 - run["metrics"]["depth/rmse"] / 2)
    assert run["delta_m"] == pytest.approx(100 * sum(gains) / 2)


def test_a_finished_sweep_runs_no_image(swept: tuple[Path, dict[str, float]], checkpoint: str) -> None:
    folder, scalars = swept
    before = (folder / "s" / "sweep.jsonl").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SharedEvaluation, "measure", None)
        assert sweep(folder, checkpoint) == scalars
    assert (folder / "s" / "sweep.jsonl").read_bytes() == before


class KilledError(Exception):
    pass


def test_a_killed_sweep_goes_on(
    swept: tuple[Path, dict[str, float]], checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, passes = SharedEvaluation.measure, []

    def killed(self: SharedEvaluation, *args: Any) -> None:
        passes.append(len(args[2]))
        if len(passes) == 3:
            raise KilledError
        measure(self, *args)

    monkeypatch.setattr(SharedEvaluation, "measure", killed)
    with pytest.raises(KilledError):
        sweep(tmp_path, checkpoint)
    assert [line["index"] for line in lines_of(tmp_path) if line["kind"] == "run"] == [0, 1, 2]
    with open(tmp_path / "s" / "sweep.jsonl", "a") as file:
        file.write('{"kind": "bra')
    assert sweep(tmp_path, checkpoint) == swept[1]
    # The anchor, three networks, and the killed last one; then the anchor and the last one.
    assert passes == [1, 3, 1, 1, 1]
    assert _without_paths(lines_of(tmp_path)) == _without_paths(lines_of(swept[0]))


def _without_paths(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["kind"] != "header"]


def test_the_configs_own_preference_does_not_count(swept: tuple[Path, dict[str, float]], checkpoint: str) -> None:
    # It would be refused, having two entries for three tasks.
    assert sweep(swept[0], checkpoint, pref=[1, 2]) == swept[1]


def test_another_sweep_is_refused(swept: tuple[Path, dict[str, float]], checkpoint: str) -> None:
    with pytest.raises(ValueError, match=r"belongs to another sweep.*seed 0, now 3"):
        sweep(swept[0], checkpoint, sweep={"seed": 3})
    with pytest.raises(ValueError, match=r"belongs to another sweep.*fp16 False, now True"):
        sweep(swept[0], checkpoint, fp16=True)


def test_batch_statistics_are_refused(checkpoint: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="norm_statistics='batch' lets the other images"):
        sweep(tmp_path, checkpoint, norm_statistics="batch")


def test_other_weights_are_refused(swept: tuple[Path, dict[str, float]], checkpoint: str, tmp_path: Path) -> None:
    state = torch.load(checkpoint)
    state["state_dict"]["heads.depth.decoder.conv_seg.bias"] += 1
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="weights_sha256"):
        sweep(swept[0], str(tmp_path / "other.pth"))


def test_the_oracle_is_never_worse_on_its_own_images(checkpoint: str, tmp_path: Path) -> None:
    sweep(tmp_path, checkpoint, sweep={"oracle_images": IMAGES})
    lines = lines_of(tmp_path)
    (single,) = (line["losses"] for line in lines if line["kind"] == "single")
    weights = {line["index"]: line["weights"] for line in lines if line["kind"] == "run"}
    values: dict[str, list[float]] = {}
    for line in lines:
        if line["kind"] == "bracket":
            terms = zip(weights[line["index"]], line["losses"], single, strict=True)
            values.setdefault(line["choice"], []).append(sum(r * a / b for r, a, b in terms))
    for rival in ("controller", "heuristic", "search"):
        assert all(a <= b * 1.0001 for a, b in zip(values["oracle"], values[rival], strict=True)), rival
    assert len(list((tmp_path / "s").glob("oracle_table_*.npy"))) == 1


def test_another_sweep_in_the_folder_gets_its_own_oracle(checkpoint: str, tmp_path: Path) -> None:
    small = {"preferences": 1, "cost_weights": (0.0,)}
    for images in (1, IMAGES):
        sweep(tmp_path, checkpoint, sweep={**small, "oracle_images": images})
        (tmp_path / "s" / "sweep.jsonl").unlink()
    first, second = (np.load(path) for path in (tmp_path / "s").glob("oracle_table_*.npy"))
    assert not np.array_equal(first, second)


def test_no_oracle_without_a_path_table(tmp_path: Path) -> None:
    deep = tiny.model_config(tasks=("semseg", "depth", *(f"normals{k}" for k in range(8))))
    model = tiny.build_model(deep["tasks"])
    model.loss_scale.fill_(1)
    torch.save({"state_dict": model.state_dict(), "meta": {}}, tmp_path / "model.pth")
    with pytest.raises(ValueError, match=r"sweep\.oracle_images=4: 10 tasks and 5 layers have too many paths"):
        sweep(tmp_path, str(tmp_path / "model.pth"), model=deep, sweep={"oracle_images": 4})


@torch.no_grad()
def test_calibrated_statistics(checkpoint: str, tmp_path: Path) -> None:
    loader = {**tiny.test_loader(size=4), "batch_size": 4}
    sweep(
        tmp_path,
        checkpoint,
        norm_statistics="calibrated",
        train_dataloader=loader,
        sweep={"preferences": 1, "cost_weights": (0.0,)},
    )
    (run,) = (line for line in lines_of(tmp_path) if line["kind"] == "run")
    model = load_model(checkpoint)
    preference = Preference.parse(run["weights"], tasks=tiny.TASKS)
    tree = model.predict_tree(preference)
    selection = Selection(preference, tree, model.norm_states(preference, tree))
    states = selection.with_states(
        calibrate(model, selection, Frames(loader["dataset"]).batches(model, 200))
    ).node_states
    evaluation = SharedEvaluation(model, [])
    network = evaluation.network(tree, states)
    test = Runner.build_dataloader({**tiny.test_loader(size=IMAGES), "batch_size": 2}, seed=0)
    evaluation.measure(test, IMAGES, [], [network])
    assert run["losses"] == pytest.approx(evaluation.losses(network), rel=1e-4)


def test_an_untrained_controller_is_refused(tmp_path: Path) -> None:
    model = tiny.build_model(stream=tiny.SHORT)
    torch.save({"state_dict": model.state_dict(), "meta": {}}, tmp_path / "model.pth")
    with pytest.raises(ValueError, match="the edge hypernet is untrained"):
        sweep(tmp_path, str(tmp_path / "model.pth"))


def train_with_sweeps(folder: Path, **changes: Any) -> Runner:
    """A run that validates after every stage."""
    runner = tiny.build_runner(
        folder,
        model=tiny.model_config(stream=tiny.SHORT),
        val_dataloader={**tiny.test_loader(size=2), "batch_size": 2},
        val_evaluator=EVALUATOR,
        val_cfg={"type": "PreferenceSweepLoop", "sweep": {**SETTINGS, "preferences": 1}, **changes},
        default_hooks={
            "checkpoint": {
                "type": "SafeCheckpointHook",
                "by_epoch": False,
                "interval": 3,
                "save_best": "sweep/hypervolume_c0",
            }
        },
        train_cfg=tiny.train_cfg(
            *(tiny.stage_config(name, iters=3) for name in ("trunk", "anchor", "edges", "weights")), val_interval=3
        ),
    )
    runner.train()
    return runner


def test_as_validation_it_chooses_the_best_checkpoint(tmp_path: Path) -> None:
    train_with_sweeps(tmp_path)
    assert [path.name for path in sorted(tmp_path.glob("sweep_*"))] == ["sweep_12", "sweep_9"]
    assert list(tmp_path.glob("best_sweep_hypervolume_c0_iter_*.pth"))


def test_before_there_is_a_controller_the_anchor_is_validated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    run = PreferenceSweepLoop.run
    monkeypatch.setattr(PreferenceSweepLoop, "run", lambda self: found.append(run(self)))
    train_with_sweeps(tmp_path)
    before, after = found[1], found[3]
    assert {"semseg/mIoU", "depth/rmse", "normals/mean"} <= before.keys()
    assert "sweep/hypervolume_c0" not in before
    assert math.isfinite(after["sweep/hypervolume_c0"])
    assert not any("loss" in name for name in after), "mmengine would average it over validations"


def test_no_best_checkpoint_before_there_is_a_controller(tmp_path: Path) -> None:
    """The anchor's gain over itself is 0, which no controller beats; but nothing could steer that checkpoint."""
    runner = tiny.build_runner(
        tmp_path,
        model=tiny.model_config(stream=tiny.SHORT),
        val_dataloader=tiny.test_loader(size=2),
        val_evaluator={
            "type": "MultiTaskEvaluator",
            "metrics": [{"type": "DepthMetric"}],
            "baselines": {"depth/rmse": 1.0},
        },
        val_cfg={},
        default_hooks={
            "checkpoint": {"type": "SafeCheckpointHook", "by_epoch": False, "save_best": "multi_task/delta_m"}
        },
        train_cfg=tiny.train_cfg(
            *(tiny.stage_config(name, iters=2) for name in ("trunk", "anchor", "edges", "weights")), val_interval=2
        ),
    )
    runner.train()
    (best,) = tmp_path.glob("best_multi_task_delta_m_iter_*.pth")
    assert int(best.stem.rsplit("_", maxsplit=1)[-1]) > 4


def test_best_checkpoints_need_validations(tmp_path: Path) -> None:
    hooks = {"checkpoint": {"type": "SafeCheckpointHook", "save_best": "depth/rmse"}}
    with pytest.raises(ValueError, match=r"save_best=depth/rmse needs validations: set train_cfg\.val_interval"):
        tiny.train(tmp_path, default_hooks=hooks)


def test_every_validation_begins_anew(tmp_path: Path) -> None:
    for _ in range(2):
        train_with_sweeps(tmp_path / "run", out=str(tmp_path / "swept"))
        assert sorted(path.name for path in tmp_path.glob("swept_*")) == ["swept_12", "swept_9"]


def sweep_rank(rank: int, port: int, folder: str, checkpoint: str) -> None:
    torch.set_num_threads(1)
    os.environ.update(LOCAL_RANK=str(rank))
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    wrapper = {"type": "MMDistributedDataParallel", "device_ids": None, "broadcast_buffers": False}
    scalars = sweep(Path(folder), checkpoint, launcher="pytorch", model_wrapper_cfg=wrapper, sweep={"runs_per_pass": 4})
    Path(folder, f"scalars{rank}.json").write_text(json.dumps(scalars))
    dist.destroy_process_group()


def test_two_processes(swept: tuple[Path, dict[str, float]], checkpoint: str, tmp_path: Path) -> None:
    spawn(sweep_rank, (free_ports(1)[0], str(tmp_path), checkpoint), nprocs=2)
    first, second = (json.loads((tmp_path / f"scalars{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    found = {line["index"]: line for line in lines_of(tmp_path) if line["kind"] == "run"}
    for run in (line for line in lines_of(swept[0]) if line["kind"] == "run"):
        # Every image counts once, although the sampler repeats one of five.
        assert found[run["index"]]["metrics"] == pytest.approx(run["metrics"], rel=1e-9)
        assert found[run["index"]]["losses"] == pytest.approx(run["losses"], rel=1e-5)
