"""Tasks on their own ways through mixtures of nodes."""

from __future__ import annotations

import pytest
import tiny
import torch
from torch import Tensor

from mmdymu.models.backbones import ControllableBackbone, run_own_mixtures
from mmdymu.models.backbones.rows import Rows
from mmdymu.tree import BranchingTree

TREE = BranchingTree.from_paths([(1, 1, 0), (1, 1, 1), (1, 2, 2)])


@pytest.fixture
def backbone() -> ControllableBackbone:
    return tiny.build_model(stream=tiny.SHORT).eval().backbone


@pytest.fixture
def images() -> Tensor:
    return torch.randn(4, 3, *tiny.SIZE, generator=torch.Generator().manual_seed(1))


def random_shares(layers: int = 3) -> Tensor:
    return torch.randn(layers, 3, 3, generator=torch.Generator().manual_seed(0)).softmax(-1)


def test_one_hot_shares_along_a_tree_are_the_tree(backbone: ControllableBackbone, images: Tensor) -> None:
    shares = torch.eye(3)[torch.tensor(TREE.paths).T]
    for own, expected in zip(run_own_mixtures(backbone, images, shares), backbone(images, TREE), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(own, expected, strict=True))


def test_one_hot_shares_need_not_follow_a_tree(backbone: ControllableBackbone, images: Tensor) -> None:
    # The first two tasks part and meet again in node (2, 0), with features of their own.
    ways = [(0, 1, 0), (0, 2, 0), (2, 2, 2)]
    found = run_own_mixtures(backbone, images, torch.eye(3)[torch.tensor(ways).T])
    for features, way in zip(found, ways, strict=True):
        alone = backbone(images, BranchingTree.from_paths([way] * 3))[0]
        assert all(torch.equal(a, b) for a, b in zip(features, alone, strict=True))


def test_features_are_means_of_the_copies_outputs(backbone: ControllableBackbone, images: Tensor) -> None:
    shares = random_shares()
    found = run_own_mixtures(backbone, images, shares)
    for task in range(3):
        x, seen = images, []
        for layer in range(3):
            outputs = torch.stack([backbone.run_node((layer, i), x) for i in range(3)])
            x = torch.einsum("i,i...->...", shares[layer, task], outputs)
            seen.append(x)
        expected = [seen[layer] for layer in backbone.out_layers]
        assert len(found[task]) == len(expected) == 2
        for a, b in zip(found[task], expected, strict=True):
            torch.testing.assert_close(a, b)


def test_shares_and_all_copies_learn_from_each_task(backbone: ControllableBackbone, images: Tensor) -> None:
    shares = random_shares().requires_grad_()
    run_own_mixtures(backbone, images, shares)[1][-1].square().sum().backward()
    assert shares.grad is not None
    assert (shares.grad[:, 1] != 0).all()
    assert not shares.grad[:, [0, 2]].any()
    assert all(parameter.grad is not None for parameter in backbone.parameters())


@pytest.mark.parametrize(("rows", "runs"), [(None, [3, 9, 9]), ([[0, 3], [], [1, 2]], [6, 6, 6])])
def test_the_first_layer_runs_once_for_all_tasks_of_an_image(
    backbone: ControllableBackbone, images: Tensor, monkeypatch: pytest.MonkeyPatch, rows: Rows | None, runs: list[int]
) -> None:
    ran, run_node = [], backbone.run_node
    monkeypatch.setattr(backbone, "run_node", lambda node, x: ran.append(node[0]) or run_node(node, x))
    run_own_mixtures(backbone, images, random_shares(), rows)
    assert [ran.count(layer) for layer in range(3)] == runs


def test_tasks_run_their_own_images_only(backbone: ControllableBackbone, images: Tensor) -> None:
    shares = random_shares()
    everything = run_own_mixtures(backbone, images, shares)
    found = run_own_mixtures(backbone, images, shares, rows=[[0, 3], [], [1, 2]])
    assert found[1] == ()
    for task, rows in ((0, [0, 3]), (2, [1, 2])):
        for a, b in zip(found[task], everything[task], strict=True):
            torch.testing.assert_close(a, b[rows])


@pytest.mark.parametrize("shape", [(2, 3, 3), (3, 2, 2), (1, 3, 3, 3)])
def test_refuses_shares_of_another_shape(
    backbone: ControllableBackbone, images: Tensor, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"shares must have the shape \(3, 3, 3\)"):
        run_own_mixtures(backbone, images, torch.ones(shape))
