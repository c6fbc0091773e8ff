from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from mmdymu.models.losses import expected_share, expected_usage, node_usage
from mmdymu.tree import BranchingTree


def random_probs(layers: int, tasks: int, *batch: int) -> Tensor:
    generator = torch.Generator().manual_seed(layers * tasks)
    logits = torch.randn(*batch, layers, tasks, tasks, generator=generator, dtype=torch.float64)
    return (2 * logits).softmax(dim=-1)


def all_trees(layers: int, tasks: int) -> list[BranchingTree]:
    rows = list(product(range(tasks), repeat=tasks))
    return [BranchingTree(parents) for parents in product(rows, repeat=layers)]


def probability(tree: BranchingTree, probs: Tensor) -> float:
    result = 1.0
    for layer, row in enumerate(tree.parents):
        for child, parent in enumerate(row):
            result *= float(probs[layer, child, parent])
    return result


@pytest.mark.parametrize(("tasks", "layers"), [(1, 2), (2, 1), (2, 4), (3, 1), (3, 2)])
def test_usage_and_share_by_enumeration_of_trees(tasks: int, layers: int) -> None:
    probs = random_probs(layers, tasks)
    costs = torch.rand(layers, tasks, dtype=torch.float64) + 0.1
    usage, share = torch.zeros(layers, tasks, dtype=torch.float64), 0.0
    for tree in all_trees(layers, tasks):
        weight = probability(tree, probs)
        share += weight * tree.share(costs)
        for layer, nodes in enumerate(tree.used_nodes):
            usage[layer, list(nodes)] += weight
    assert torch.allclose(expected_usage(probs), usage)
    assert expected_share(probs, costs).item() == pytest.approx(share, abs=1e-12)


def test_two_layers_are_not_independent() -> None:
    probs = random_probs(2, 3)
    assert torch.allclose(expected_usage(probs)[-1], node_usage(probs)[-2]), "the top layer is"
    assert not torch.allclose(expected_usage(probs)[0], node_usage(probs)[0], atol=1e-3)


@pytest.mark.parametrize("tasks", [2, 5, 8, 20])
def test_one_hot_decisions_give_the_tree(tasks: int) -> None:
    generator = torch.Generator().manual_seed(0)
    parents = torch.randint(tasks, (3, tasks), generator=generator).tolist()
    tree = BranchingTree(tuple(map(tuple, parents)))
    probs = torch.tensor(tree.to_edges(), requires_grad=True)
    share = expected_share(probs, torch.ones(3, tasks))
    assert share.item() == pytest.approx(tree.share([[1.0] * tasks] * 3), abs=1e-6)
    share.backward()
    assert probs.grad is not None
    assert torch.isfinite(probs.grad).all()


def test_batches_and_gradients() -> None:
    probs, costs = random_probs(3, 3, 2, 2).requires_grad_(), torch.rand(3, 3, dtype=torch.float64)
    shares = expected_share(probs, costs)
    assert shares.shape == (2, 2)
    assert expected_usage(probs).shape == (2, 2, 3, 3)
    assert torch.allclose(shares[1, 0], expected_share(probs[1, 0], costs))
    assert torch.autograd.gradcheck(lambda x: expected_share(x, costs), (probs[0, 0].detach().requires_grad_(),))


def test_beyond_eight_tasks_the_recursion_stands_in() -> None:
    probs = random_probs(2, 9)
    assert torch.equal(expected_usage(probs), node_usage(probs)[:-1])
    with pytest.raises(ValueError, match="exact=True"):
        expected_usage(probs, exact=True)
    small = random_probs(2, 3)
    assert torch.equal(expected_usage(small, exact=False), node_usage(small)[:-1])


@pytest.mark.parametrize(
    "costs", [torch.ones(3, 2), torch.zeros(2, 3), -torch.ones(2, 3), torch.full((2, 3), torch.nan)]
)
def test_bad_costs_are_refused(costs: Tensor) -> None:
    with pytest.raises(ValueError, match="node_costs"):
        expected_share(random_probs(2, 3), costs)


def test_bad_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="edge_probs"):
        expected_usage(torch.zeros(2, 3, 3))
