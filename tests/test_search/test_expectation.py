from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from mmdymu.search.expectation import expected_task_losses
from mmdymu.tree import BranchingTree


def random_probs(layers: int, tasks: int, *batch: int) -> Tensor:
    generator = torch.Generator().manual_seed(layers * tasks)
    return torch.randn(*batch, layers, tasks, tasks, generator=generator, dtype=torch.float64).softmax(dim=-1)


def random_table(layers: int, tasks: int) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.rand((tasks,) * (layers + 1), generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("tasks", "layers"), [(1, 2), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2)])
def test_losses_by_enumeration_of_trees(tasks: int, layers: int) -> None:
    probs, table = random_probs(layers, tasks), random_table(layers, tasks)
    expected = torch.zeros(tasks, dtype=torch.float64)
    for parents in product(product(range(tasks), repeat=tasks), repeat=layers):
        weight = 1.0
        for layer, row in enumerate(parents):
            for child, parent in enumerate(row):
                weight *= float(probs[layer, child, parent])
        for task, path in enumerate(BranchingTree(parents).paths):
            expected[task] += weight * table[(task, *path)]
    assert torch.allclose(expected_task_losses(table, probs), expected)


@pytest.mark.parametrize(("tasks", "layers"), [(2, 7), (3, 5), (4, 4), (5, 3), (20, 2)])
def test_losses_by_enumeration_of_paths(tasks: int, layers: int) -> None:
    probs, table = random_probs(layers, tasks), random_table(layers, tasks)
    for task in (0, tasks - 1):
        chances = probs.new_zeros((tasks,) * layers)
        for path in product(range(tasks), repeat=layers):
            steps = zip(range(layers), (*path[1:], task), path, strict=True)
            chances[path] = float(torch.stack([probs[layer, child, node] for layer, child, node in steps]).prod())
        assert chances.sum().item() == pytest.approx(1.0)
        expected = (chances * table[task]).sum()
        assert torch.allclose(expected_task_losses(table, probs)[task], expected)


@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_one_hot_decisions_look_the_path_up(tasks: int) -> None:
    generator = torch.Generator().manual_seed(1)
    tree = BranchingTree(tuple(map(tuple, torch.randint(tasks, (4, tasks), generator=generator).tolist())))
    table = random_table(4, tasks)
    found = expected_task_losses(table, torch.tensor(tree.to_edges(), dtype=torch.float64))
    assert torch.allclose(found, torch.stack([table[(task, *path)] for task, path in enumerate(tree.paths)]))


def test_batches_and_gradients() -> None:
    probs, table = random_probs(4, 3, 2, 3), random_table(4, 3)
    losses = expected_task_losses(table, probs)
    assert losses.shape == (2, 3, 3)
    assert torch.allclose(losses[1, 2], expected_task_losses(table, probs[1, 2]))
    single = probs[0, 0].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: expected_task_losses(table, x), (single,))


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="table must have 3 axes of size 3"):
        expected_task_losses(random_table(3, 3), random_probs(2, 3))
    with pytest.raises(ValueError, match="edge_probs"):
        expected_task_losses(random_table(2, 3), torch.rand(2, 3, 3) + 1)
