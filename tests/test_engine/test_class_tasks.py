"""All stages where every image counts for one task: runs, resuming, and what is measured on frames."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import tiny_classes
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from tiny_classes import TASKS

from mmdymu.engine import Frames, calibrate
from mmdymu.engine.objectives.affinity import anchor_affinity
from mmdymu.models.segmentors import Selection
from mmdymu.preference import Preference
from mmdymu.search.path_losses import PathLosses
from mmdymu.search.path_table import build_path_table
from mmdymu.tree import BranchingTree

ITERS = 2
STAGES = ("trunk", "anchor", "edges", "weights")
TREE = BranchingTree.from_paths([(0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 2, 2)])
CHECKPOINTS = {
    "checkpoint": {"type": "SafeCheckpointHook", "by_epoch": False, "interval": 1, "max_keep_ckpts": -1},
    "logger": {"type": "LoggerHook", "interval": 1},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_classes.write_images(tmp_path_factory.mktemp("cifar") / "cifar-100-python", each=2)


def train(work_dir: Path | str, data: Path, source: str = "images", **changes: Any) -> Runner:
    stages = [tiny.stage_config(name, ITERS) for name in STAGES]
    options = {"preferences_per_step": 2, "images": 9, "affinity_images": 9}
    stages[2]["objective"] = tiny.edge_objective(source=source, **options)
    settings = {
        "model": tiny_classes.model_config(),
        "train_dataloader": tiny_classes.loader(data),
        "train_cfg": tiny.train_cfg(*stages),
        **changes,
    }
    return tiny.train(work_dir, **settings)


def state(runner: Runner) -> dict[str, torch.Tensor]:
    return copy.deepcopy(runner.model.state_dict())


def assert_equal(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name].nan_to_num(), value.nan_to_num()) for name, value in expected.items())


@pytest.fixture(scope="module")
def uninterrupted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.Tensor]]:
    folder = tmp_path_factory.mktemp("run")
    return folder, state(train(folder, data, default_hooks=CHECKPOINTS))


# One iteration into each stage, and between two of them.
@pytest.mark.parametrize("iteration", [1, 3, 4, 5, 7])
def test_a_resumed_run_ends_as_an_uninterrupted_one(
    uninterrupted: tuple[Path, dict[str, torch.Tensor]], data: Path, tmp_path: Path, iteration: int
) -> None:
    folder, expected = uninterrupted
    checkpoint = str(folder / f"iter_{iteration}.pth")
    np.random.seed(iteration), torch.manual_seed(iteration)
    runner = train(tmp_path, data, resume=True, load_from=checkpoint, randomness={"seed": None})
    assert_equal(state(runner), expected)


def test_everything_was_trained(uninterrupted: tuple[Path, dict[str, torch.Tensor]]) -> None:
    _, trained = uninterrupted
    init_default_scope("mmdymu")
    start = tiny_classes.build_model().state_dict()
    changed = {name for name in start if not torch.equal(trained[name].nan_to_num(), start[name].nan_to_num())}
    assert {name.split(".")[0] for name in changed} >= {"backbone", "heads", "edge_hypernet", "weight_hypernet"}
    assert all(torch.isfinite(trained[name]).all() for name in ("loss_scale", "affinity"))


def test_edges_train_on_a_path_table_of_few_tasks(data: Path, tmp_path: Path) -> None:
    model = train(tmp_path, data, source="table").model
    assert model.path_losses.shape == (3,) * 5
    assert torch.isfinite(model.path_losses).all()


def frames(data: Path) -> Frames:
    init_default_scope("mmdymu")
    return Frames(tiny_classes.loader(data, "test")["dataset"])


@pytest.mark.parametrize("images", [3, 9, 10, 30, None])
def test_frames_have_all_tasks_in_turn(data: Path, images: int | None) -> None:
    model = tiny_classes.build_model()
    batches = frames(data).batches(model, images, batch_size=2)
    counts = np.array([model.task_counts(batch.data_samples) for batch in batches])
    assert counts.sum() == (images or 30)
    assert (counts.sum(axis=1) <= 6).all()
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()


def test_path_losses_are_means_over_a_tasks_images(data: Path) -> None:
    model = tiny_classes.build_model().eval()
    # Batches with different numbers of images of a task.
    (batch,) = frames(data).batches(model)
    cuts = (0, 2, 7, 30)
    parts = [(batch.inputs[a:b], batch.data_samples[a:b]) for a, b in itertools.pairwise(cuts)]
    table = build_path_table(model, batch.inputs, batch.data_samples, progress=False)
    with torch.no_grad():
        expected, _ = model.tree_losses(batch.inputs, batch.data_samples, TREE)
    found = PathLosses(model, parts)(TREE)
    assert found == pytest.approx(expected.numpy(), rel=1e-4)
    assert found == pytest.approx([float(table[(task, *path)]) for task, path in enumerate(TREE.paths)], rel=1e-4)


def test_calibrated_statistics_are_those_of_a_nodes_own_images(data: Path) -> None:
    model = tiny_classes.build_model().eval()
    selection = Selection(Preference.uniform(TASKS), TREE)
    (batch,) = batches = frames(data).batches(model)
    found = calibrate(model, selection, batches)
    for node, tasks in {(0, 0): ("fish", "people"), (0, 1): ("trees",)}.items():
        rows = [row for row, sample in enumerate(batch.data_samples) if set(tasks) & set(sample.keys())]
        convolved = model.backbone.node(node).prep.conv(batch.inputs[rows])
        (mean,) = (value for name, value in found[node].items() if name.endswith("running_mean"))
        assert torch.allclose(mean, convolved.mean(dim=(0, 2, 3)), atol=1e-5)


def test_a_node_without_images_keeps_its_statistics(data: Path) -> None:
    model = tiny_classes.build_model().eval()
    selection = Selection(Preference.uniform(TASKS), TREE)
    (batch,) = frames(data).batches(model)
    no_trees = [row for row, sample in enumerate(batch.data_samples) if "trees" not in sample]
    part = type(batch)(batch.inputs[no_trees], [batch.data_samples[row] for row in no_trees])
    found = calibrate(model, selection, [part])
    assert found[0, 0]
    assert not found.get((0, 1))


def test_affinities_of_flat_features(data: Path) -> None:
    model = tiny_classes.build_model().eval()
    affinity = anchor_affinity(model, frames(data).batches(model, 9))
    assert affinity.shape == (3, 3)
    assert torch.isfinite(affinity).all()
