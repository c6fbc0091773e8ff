from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmdymu import BranchingTree
from mmdymu.engine.loops.start import stream_distance
from mmdymu.engine.objectives import edges

MODEL = tiny.model_config(stream=tiny.SHORT)
OWNED = {
    "trunk": ("backbone.streams.0.", "heads."),
    "anchor": ("backbone.", "heads."),
    "edges": ("edge_hypernet.",),
    "weights": ("weight_hypernet.",),
}


class Snapshots(Hook):
    """States and numbers of loaded images before a stage's first iteration and after its last."""

    def __init__(self) -> None:
        self.before: dict[str, dict[str, Tensor]] = {}
        self.after: dict[str, dict[str, Tensor]] = {}
        self.loaded: dict[str, list[int]] = {}

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        name = runner.train_loop.stage.name
        if name not in self.before:
            self.before[name], self.loaded[name] = _state(runner), [_Counting.count]

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        name = runner.train_loop.stage.name
        self.after[name] = _state(runner)
        self.loaded[name].append(_Counting.count)


def _state(runner: Runner) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in runner.model.state_dict().items()}


class _Counting:
    count = 0


@pytest.fixture(
    scope="module",
    params=[("table", "expected"), ("table", "gumbel"), ("images", "expected"), ("images", "gumbel")],
    ids="-".join,
)
def snapshots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    source, decisions = request.param
    objective = tiny.edge_objective(source=source, decisions=decisions, preferences_per_step=2)
    stages = [tiny.stage_config(name) for name in OWNED]
    stages[2]["objective"] = objective
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny.TinyDataset, "__getitem__", _counted(tiny.TinyDataset.__getitem__))
        runner = tiny.build_runner(tmp_path_factory.mktemp("run"), train_cfg=tiny.train_cfg(*stages), model=MODEL)
        hook = Snapshots()
        hook.source = source  # type: ignore[attr-defined]
        runner.register_hook(hook)
        runner.train()
    return hook


def _counted(load: Any) -> Any:
    def counted(self: Any, index: int) -> dict[str, Any]:
        _Counting.count += 1
        return load(self, index)

    return counted


@pytest.mark.parametrize("stage", OWNED)
def test_a_stage_changes_what_it_owns_and_nothing_else(snapshots: Snapshots, stage: str) -> None:
    before, after = snapshots.before[stage], snapshots.after[stage]
    changed = {name for name in before if not torch.equal(before[name].nan_to_num(), after[name].nan_to_num())}
    foreign = {name for name in changed if not name.startswith(OWNED[stage])}
    if stage == "trunk":  # Its last step copies the trunk into the other streams.
        foreign = {name for name in foreign if not name.startswith("backbone.streams.")}
    assert not foreign
    assert changed


def test_only_the_edges_stage_writes_what_later_stages_read(snapshots: Snapshots) -> None:
    results = ("path_losses", "loss_scale", "affinity")
    assert all(snapshots.after["anchor"][name].isnan().all() for name in results)
    assert snapshots.before["edges"]["loss_scale"].isfinite().all()
    for name in results:
        assert torch.equal(snapshots.before["edges"][name].nan_to_num(), snapshots.after["weights"][name].nan_to_num())


def test_images_are_loaded_only_where_a_stage_needs_them(snapshots: Snapshots) -> None:
    loaded = {name: counts[-1] - counts[0] for name, counts in snapshots.loaded.items()}
    assert loaded["anchor"] == loaded["weights"] == 2
    assert loaded["edges"] == (0 if snapshots.source == "table" else 2)  # type: ignore[attr-defined]


def test_the_trunk_ends_with_equal_streams_and_the_anchor_parts_them(snapshots: Snapshots) -> None:
    def distance(state: dict[str, Tensor]) -> float:
        model = tiny.build_model(stream=tiny.SHORT)
        model.load_state_dict(state)
        return stream_distance(model)

    assert distance(snapshots.after["trunk"]) == 0
    assert distance(snapshots.after["anchor"]) > 0


@pytest.mark.parametrize("count", [2, 5, 20])
def test_all_stages_run_with_any_number_of_tasks(tmp_path: Path, count: int) -> None:
    kinds = ("semseg", "depth", "normals")
    tasks = [f"{kinds[i % 3]}{i}" for i in range(count)]
    # Two layers for five tasks (125 paths), three for twenty (3 200 000).
    stream = {"backbone": tiny.RESNET, "merge": (2, 3) if count == 5 else (2, 2, 1)}
    objective = tiny.edge_objective(preferences_per_step=2)
    stages = [tiny.stage_config(name) for name in OWNED]
    stages[2]["objective"] = objective
    model = tiny.model_config(tasks, stream=stream)
    runner = tiny.train(tmp_path, tasks=tasks, train_cfg=tiny.train_cfg(*stages), model=model)
    trained = runner.model
    assert trained.is_controllable
    assert trained.edge_hypernet.shape == (trained.num_layers, count, count)
    assert trained.path_losses.numel() == (0 if count == 20 else count ** (trained.num_layers + 1))
    assert all(parameter.isfinite().all() for parameter in trained.parameters())


def test_stages_start_from_single_task_checkpoints(tmp_path: Path) -> None:
    trained = tiny.build_model(stream=tiny.SHORT)
    checkpoints = {}
    for index, task in enumerate(tiny.TASKS):
        stream = {f"backbone.{k.split('.', 2)[2]}": v for k, v in trained.backbone.streams[index].state_dict().items()}
        head = {f"decode_head.{k}": v for k, v in trained.heads[task].state_dict().items()}
        checkpoints[task] = str(tmp_path / f"{task}.pth")
        torch.save({"state_dict": {**stream, **head}}, checkpoints[task])
    model = {**MODEL, "anchor": {"checkpoints": checkpoints}}
    runner = tiny.train(tmp_path, model=model)
    assert [stage.name for stage in runner.train_loop.stages] == ["edges", "weights"]
    for name in ("backbone", "heads"):
        expected = getattr(trained, name).state_dict()
        assert all(torch.equal(v, expected[k]) for k, v in getattr(runner.model, name).state_dict().items())


def test_a_stock_loop_trains_the_anchor(tmp_path: Path) -> None:
    cfg = {"type": "IterBasedTrainLoop", "max_iters": 2}
    runner = tiny.build_runner(tmp_path, train_cfg=cfg, model=MODEL)
    before = None

    class Start(Hook):
        def before_train(self, runner: Runner) -> None:
            nonlocal before
            before = _state(runner)

    runner.register_hook(Start())
    runner.train()
    assert before is not None
    changed = {
        name for name, value in _state(runner).items() if not torch.equal(value.nan_to_num(), before[name].nan_to_num())
    }
    assert {name.split(".")[0] for name in changed} == {"backbone", "heads"}
    assert {name.split(".")[2] for name in changed if name.startswith("backbone")} == {"0", "1", "2"}


def test_validates_at_the_interval_and_at_the_end(tmp_path: Path) -> None:
    stages = [tiny.stage_config(name) for name in OWNED]
    runner = tiny.build_runner(
        tmp_path,
        train_cfg=tiny.train_cfg(*stages, val_interval=3),
        model=MODEL,
        val_dataloader=tiny.test_loader(),
        val_cfg={"type": "ValLoop"},
        val_evaluator=[{"type": "DepthMetric"}],
    )
    seen: list[tuple[int, BranchingTree | None]] = []

    class Seen(Hook):
        def after_val(self, runner: Runner) -> None:
            selection = runner.model.selection
            seen.append((runner.iter, selection.tree if selection else None))

    runner.register_hook(Seen())
    runner.train()
    assert [iteration for iteration, _ in seen] == [3, 6, 8]
    assert seen[0][1] is None  # The anchor itself: nothing controls it yet.
    assert all(tree is not None for _, tree in seen[1:])


class _Images(Hook):
    """By stage, whether each loaded image is as it was before augmentation."""

    def __init__(self) -> None:
        self.plain: dict[str, list[bool]] = {}
        self.source = tiny.TinyDataset(pipeline=[])

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        found = self.plain.setdefault(runner.train_loop.stage.name, [])
        for image, sample in zip(data_batch["inputs"] or (), data_batch["data_samples"] or (), strict=True):
            original = self.source[int(Path(sample.img_path).stem)]["inputs"]
            found.append(torch.equal(image, original))


def test_a_stage_can_have_transforms_of_its_own(tmp_path: Path) -> None:
    stages = [tiny.stage_config("trunk", iters=6), tiny.stage_config("anchor", iters=6, pipeline=[])]
    stages.append(tiny.stage_config("edges"))
    stages.append(tiny.stage_config("weights", iters=6))
    runner = tiny.build_runner(tmp_path, train_cfg=tiny.train_cfg(*stages), model=MODEL)
    hook = _Images()
    runner.register_hook(hook)
    runner.train()
    assert all(hook.plain["anchor"])
    assert not all(hook.plain["trunk"])
    assert not all(hook.plain["weights"]), "the stage behind has the train loader's again"


def test_edges_begin_on_the_path_table_of_a_step_at_no_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What suites do, to measure the table once for several edge stages."""
    still = {"optimizer": {"type": "AdamW", "lr": 0.0, "weight_decay": 0.1}}
    table_alone = tiny.train_cfg(tiny.stage_config("edges", 1, optim_wrapper=still))
    measured = tiny.build_runner(tmp_path, train_cfg=table_alone, model=MODEL)
    before = {name: value.clone() for name, value in measured.model.edge_hypernet.state_dict().items()}
    measured.train()
    assert all(torch.equal(value, before[name]) for name, value in measured.model.edge_hypernet.state_dict().items())
    table = measured.model.path_losses.clone()
    assert table.isfinite().all()
    torch.save({"state_dict": measured.model.state_dict()}, tmp_path / "table.pth")

    monkeypatch.setattr(edges, "build_path_table", lambda *_: pytest.fail("the table is measured again"))
    config = {"train_cfg": tiny.train_cfg(tiny.stage_config("edges")), "load_from": str(tmp_path / "table.pth")}
    trained = tiny.train(tmp_path, model=MODEL, **config).model
    assert torch.equal(trained.path_losses, table)
    assert any(not torch.equal(value, before[name]) for name, value in trained.edge_hypernet.state_dict().items())
