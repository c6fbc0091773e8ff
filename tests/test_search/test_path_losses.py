from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch

from mmdymu import BranchingTree
from mmdymu.engine import Batch, Frames
from mmdymu.models import ControllableSegmentor
from mmdymu.search.path_losses import PathLosses
from mmdymu.search.path_table import build_path_table

TREES = [
    BranchingTree.separate(3, 3),
    BranchingTree.shared(3, 3, 1),
    BranchingTree(((0, 0, 1), (0, 0, 2), (0, 1, 1))),
]


@pytest.fixture(scope="module")
def model() -> ControllableSegmentor:
    return tiny.build_model(stream=tiny.SHORT).eval()


def batches(model: ControllableSegmentor, size: int) -> list[Batch]:
    return Frames(tiny.test_loader(size=5)["dataset"]).batches(model, batch_size=size)


def path_losses(model: ControllableSegmentor, size: int) -> PathLosses:
    return PathLosses(model, [(batch.inputs, batch.data_samples) for batch in batches(model, size)])


@pytest.mark.parametrize("size", [1, 2, 5])
def test_equals_the_path_table_for_any_batches(model: ControllableSegmentor, size: int) -> None:
    losses = path_losses(model, size)
    table = sum(
        build_path_table(model, batch.inputs, batch.data_samples, progress=False) * len(batch.inputs) / 5
        for batch in batches(model, size)
    ).numpy()
    for tree in TREES:
        expected = [table[(task, *path)] for task, path in enumerate(tree.paths)]
        assert losses(tree) == pytest.approx(np.array(expected), rel=1e-5)


def test_every_path_runs_once(model: ControllableSegmentor, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = path_losses(model, 5)
    calls: list[tuple[int, int]] = []
    run_node = type(model.backbone).run_node

    def counted(self: torch.nn.Module, node: tuple[int, int], *args: object) -> torch.Tensor:
        calls.append(node)
        return run_node(self, node, *args)

    monkeypatch.setattr(type(model.backbone), "run_node", counted)
    losses.measure([TREES[1]])
    assert calls == [(0, 1), (1, 1), (2, 1)]
    losses(TREES[1])
    losses.measure(TREES[1:2])
    assert len(calls) == 3
    losses.measure(TREES)
    known = len(calls)
    losses.measure(reversed(TREES))
    assert len(calls) == known
