"""Against loops over plain numbers, written from the formulas."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mmdymu.models.losses.functional import (
    active_loss,
    active_tasks,
    inactive_loss,
    node_usage,
    rsa_affinity,
)
from mmdymu.preference import Preference
from mmdymu.tree import BranchingTree

SIZES = [(2, 1), (2, 4), (3, 6), (5, 3), (20, 2)]


def random_probs(layers: int, tasks: int, *batch: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(*batch, layers, tasks, tasks, generator=generator, dtype=torch.float64)
    return (2 * logits).softmax(dim=-1)


def plain_usage(probs: Any) -> list[list[float]]:
    layers, tasks = len(probs), len(probs[0])
    usage = [[1.0] * tasks]
    for layer in range(layers - 1, -1, -1):
        row = []
        for node in range(tasks):
            unused = 1.0
            for child in range(tasks):
                unused *= 1.0 - usage[0][child] * probs[layer][child][node]
            row.append(1.0 - unused)
        usage.insert(0, row)
    return usage


def plain_distance(first: list[float], second: list[float]) -> float:
    return sum((x - y) ** 2 for x, y in zip(first, second, strict=True))


def plain_active(
    probs: Any, active: list[bool], affinity: Any, level: str, normalize: bool, depth_weighting: bool = True
) -> float:
    layers, tasks = len(probs), len(probs[0])
    usage = plain_usage(probs)
    total, pairs = 0.0, 0
    for i in range(tasks):
        for j in range(tasks):
            if i == j or not (active[i] and active[j]):
                continue
            pairs += 1
            for layer in range(layers):
                use = usage[layer + 1] if level == "child" else usage[layer]
                depth = (layers - 1 - layer) / layers if depth_weighting else 1.0
                total += depth * affinity[i][j] * use[i] * use[j] * plain_distance(probs[layer][i], probs[layer][j])
    return total / pairs if normalize and pairs else total


def plain_inactive(probs: Any, active: list[bool], normalize: bool) -> float:
    followers = [j for j, flag in enumerate(active) if not flag]
    leaders = [i for i, flag in enumerate(active) if flag]
    total = sum(min(plain_distance(row[i], row[j]) for i in leaders) for row in probs for j in followers)
    return total / len(followers) if normalize and followers else total


@pytest.mark.parametrize(("tasks", "layers"), SIZES)
def test_node_usage_by_loops(tasks: int, layers: int) -> None:
    probs = random_probs(layers, tasks)
    usage = node_usage(probs)
    assert usage.shape == (layers + 1, tasks)
    assert (usage[-1] == 1).all()
    assert np.allclose(usage.numpy(), plain_usage(probs.tolist()), atol=1e-12)


@pytest.mark.parametrize(("tasks", "layers"), SIZES)
@pytest.mark.parametrize("level", ["child", "parent"])
@pytest.mark.parametrize("normalize", [True, False])
def test_losses_by_loops(tasks: int, layers: int, level: Any, normalize: bool) -> None:
    probs = random_probs(layers, tasks, seed=tasks)
    rng = np.random.default_rng(tasks)
    affinity = torch.tensor(rng.random((tasks, tasks)))
    for _ in range(4):
        active = rng.random(tasks) < 0.6
        active[rng.integers(tasks)] = True
        flags = torch.tensor(active)
        found = active_loss(probs, flags, affinity, usage_level=level, normalize=normalize)
        expected = plain_active(probs.tolist(), active.tolist(), affinity.tolist(), level, normalize)
        assert found.shape == ()
        assert found.item() == pytest.approx(expected, abs=1e-12)
        found = inactive_loss(probs, flags, normalize=normalize)
        assert found.shape == ()
        assert found.item() == pytest.approx(plain_inactive(probs.tolist(), active.tolist(), normalize), abs=1e-12)


@pytest.mark.parametrize(("tasks", "layers"), SIZES)
@pytest.mark.parametrize("level", ["child", "parent"])
def test_without_depth_weights_and_affinity_by_loops(tasks: int, layers: int, level: Any) -> None:
    probs = random_probs(layers, tasks, seed=tasks)
    active = [True] * tasks
    alike = [[1.0] * tasks] * tasks
    affinity = torch.tensor(np.random.default_rng(tasks).random((tasks, tasks)))
    flags = torch.tensor(active)
    for used, plain in ((None, alike), (affinity, affinity.tolist())):
        for depth_weighting in (True, False):
            found = active_loss(probs, flags, used, usage_level=level, depth_weighting=depth_weighting)
            expected = plain_active(probs.tolist(), active, plain, level, True, depth_weighting)
            assert found.item() == pytest.approx(expected, abs=1e-12)


def test_without_depth_weights_the_heads_own_choice_counts() -> None:
    # Two tasks on one trunk up to the last layer, where each head takes a stream of its own.
    probs = torch.tensor(BranchingTree(((0, 0), (0, 0), (0, 1))).to_edges())
    both = torch.tensor([True, True])
    assert active_loss(probs, both, None).item() == 0.0
    assert active_loss(probs, both, None, depth_weighting=False).item() == pytest.approx(2.0)


def test_hand_computed_values() -> None:
    # Two layers, two tasks on their own streams: the heads' own choice has the factor 0, the other one 1/2.
    probs = torch.tensor(BranchingTree.separate(2, 2).to_edges())
    affinity = torch.tensor([[1.0, 0.5], [0.25, 1.0]])
    both = torch.tensor([True, True])
    assert active_loss(probs, both, affinity, normalize=False).item() == pytest.approx(0.5 * 2 * (0.5 + 0.25))
    assert active_loss(probs, both, affinity).item() == pytest.approx(0.5 * (0.5 + 0.25))
    assert inactive_loss(probs, torch.tensor([True, False])).item() == pytest.approx(4.0)
    assert inactive_loss(probs, both).item() == 0.0
    assert active_loss(probs, torch.tensor([True, False]), affinity).item() == 0.0


@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_batches_equal_single_inputs(tasks: int) -> None:
    probs = random_probs(4, tasks, 2, 3)
    rng = np.random.default_rng(0)
    active = torch.tensor(rng.random((2, 3, tasks)) < 0.5)
    active[..., 0] = True
    affinity = torch.tensor(rng.random((tasks, tasks)))
    usage, pull, follow = (
        node_usage(probs),
        active_loss(probs, active, affinity),
        inactive_loss(probs, active),
    )
    assert (usage.shape, pull.shape, follow.shape) == ((2, 3, 5, tasks), (2, 3), (2, 3))
    for index in product(range(2), range(3)):
        assert torch.allclose(usage[index], node_usage(probs[index]))
        assert torch.allclose(pull[index], active_loss(probs[index], active[index], affinity))
        assert torch.allclose(follow[index], inactive_loss(probs[index], active[index]))


def test_losses_do_not_depend_on_the_task_order() -> None:
    tasks, order = 5, [3, 0, 4, 1, 2]
    probs, affinity = random_probs(4, tasks), torch.rand(tasks, tasks, dtype=torch.float64)
    active = torch.tensor([True, False, True, True, False])
    turned = probs[:, order][:, :, order]
    assert torch.allclose(node_usage(turned), node_usage(probs)[:, order])
    pull = active_loss(turned, active[order], affinity[order][:, order])
    assert torch.allclose(pull, active_loss(probs, active, affinity))
    assert torch.allclose(inactive_loss(turned, active[order]), inactive_loss(probs, active))


def test_one_hot_usage_is_the_tree() -> None:
    rng = np.random.default_rng(1)
    for tasks in (2, 3, 5, 20):
        tree = BranchingTree(tuple(map(tuple, rng.integers(tasks, size=(4, tasks)).tolist())))
        usage = node_usage(torch.tensor(tree.to_edges()))[:-1]
        assert [tuple(row.nonzero().flatten().tolist()) for row in usage] == list(tree.used_nodes)
        assert set(usage.unique().tolist()) <= {0.0, 1.0}


def test_node_usage_agrees_with_drawn_trees_where_decisions_are_independent() -> None:
    # One layer below the heads, and two layers whose nodes cannot meet before the lower one.
    generator = torch.Generator().manual_seed(0)
    probs = random_probs(1, 4).float()
    draws = torch.multinomial(probs[0], 20000, replacement=True, generator=generator)
    frequency = torch.stack([(draws == node).any(dim=0).float().mean() for node in range(4)])
    assert torch.allclose(node_usage(probs)[0], frequency, atol=0.02)


def test_gradients_are_finite_and_right() -> None:
    probs = random_probs(3, 3, 2).requires_grad_()
    active = torch.tensor([[True, True, False], [True, False, False]])
    affinity = torch.rand(3, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(node_usage, (probs,), atol=1e-6)
    assert torch.autograd.gradcheck(lambda x: active_loss(x, active, affinity), (probs,), atol=1e-6)
    assert torch.autograd.gradcheck(lambda x: inactive_loss(x, active), (probs,), atol=1e-6)


@pytest.mark.parametrize("tree", [BranchingTree.separate(3, 4), BranchingTree.shared(3, 4, 1)])
def test_gradients_are_finite_at_one_hot(tree: BranchingTree) -> None:
    probs = torch.tensor(tree.to_edges(), requires_grad=True)
    active = torch.tensor([True, True, False])
    loss = node_usage(probs).sum() + active_loss(probs, active, torch.ones(3, 3)) + inactive_loss(probs, active)
    loss.backward()
    assert probs.grad is not None
    assert torch.isfinite(probs.grad).all()


def plain_similarity(rows: Any) -> list[list[float]]:
    def cosine(x: list[float], y: list[float]) -> float:
        dot = sum(a * b for a, b in zip(x, y, strict=True))
        return dot / math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))

    return [[cosine(x, y) for y in rows] for x in rows]


def plain_affinity(features: list[Tensor]) -> Any:
    tasks = len(features[0])
    total = np.zeros((tasks, tasks))
    for layer in features:
        matrices = [np.array(plain_similarity(rows)) for rows in layer.tolist()]
        for i in range(tasks):
            row = [math.sqrt(((matrices[i] - matrices[j]) ** 2).sum()) for j in range(tasks)]
            low, high = min(row), max(row)
            total[i] += [1 - (d - low) / (high - low) for d in row]
    return total / len(features)


@pytest.mark.parametrize("tasks", [3, 5, 20])
def test_affinity_by_loops(tasks: int) -> None:
    features = [torch.randn(tasks, 6, size, dtype=torch.float64) for size in (4, 9)]
    affinity = rsa_affinity(features)
    assert affinity.shape == (tasks, tasks)
    assert np.allclose(affinity.numpy(), plain_affinity(features), atol=1e-9)
    assert ((affinity >= 0) & (affinity <= 1)).all()
    assert torch.allclose(affinity.diagonal(), torch.ones(tasks, dtype=torch.float64))
    single = rsa_affinity(features[:1])
    assert np.allclose(single.min(dim=-1).values, 0.0), "one zero in every row of a layer"


def test_two_tasks_with_scaled_rows_have_nothing_in_common() -> None:
    assert torch.equal(rsa_affinity([torch.randn(2, 5, 7)]), torch.eye(2))


def test_equal_tasks_have_constant_rows() -> None:
    features = torch.randn(1, 8, 500).expand(4, -1, -1)
    assert torch.equal(rsa_affinity([features]), torch.ones(4, 4))
    assert torch.allclose(rsa_affinity([features], scale_rows=False), torch.ones(4, 4))


@pytest.mark.parametrize("tasks", [2, 3])
def test_unscaled_affinity_is_pearson_correlation(tasks: int) -> None:
    features = [torch.randn(tasks, 6, size) for size in (5, 8)]
    expected = np.zeros((tasks, tasks))
    off = ~np.eye(6, dtype=bool)
    for layer in features:
        expected += np.corrcoef([np.array(plain_similarity(rows))[off] for rows in layer.tolist()]) / 2
    found = rsa_affinity(features, scale_rows=False)
    assert found.dtype == torch.float32
    assert np.allclose(found.numpy(), expected, atol=1e-6)


def test_correlation_without_spread() -> None:
    same_image = torch.ones(1, 4, 3)
    found = rsa_affinity([torch.cat([same_image, same_image, torch.randn(1, 4, 3)])], scale_rows=False)
    assert torch.equal(found, torch.tensor([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]]))


def test_affinity_sees_neither_scale_nor_order_of_features() -> None:
    features = torch.randn(3, 6, 10)
    moved = features[:, :, torch.randperm(10)] * torch.tensor([1.0, 3.0, 0.1])[:, None, None]
    assert torch.allclose(rsa_affinity([features]), rsa_affinity([moved]), atol=1e-5)


def test_active_tasks_agree_with_the_preference() -> None:
    rng = np.random.default_rng(0)
    names = ("a", "b", "c", "d")
    drawn = [Preference.sample(names, rng, concentration=0.4) for _ in range(100)]
    drawn += [Preference.parse([0.15, 0.15, 0.1, 0.6], tasks=names), Preference.uniform(names)]
    weights = torch.tensor([item.weights for item in drawn])
    assert active_tasks(weights).tolist() == [list(item.active()) for item in drawn]
    assert active_tasks(weights, 0.9).tolist() == [list(item.active(0.9)) for item in drawn]
    assert active_tasks(torch.tensor([0.2, 0.2, 0.6])).all()


@pytest.mark.parametrize(
    "probs",
    [
        torch.zeros(3, 3),
        torch.full((2, 3, 2), 0.5),
        torch.randn(2, 3, 3),
        torch.full((2, 3, 3), float("nan")),
        torch.tensor(BranchingTree.shared(3, 2, 0).to_edges()).mT,
        torch.eye(3, dtype=torch.long).repeat(2, 1, 1),
        torch.tensor([[[1.5, -0.5], [0.5, 0.5]]]),
    ],
)
def test_bad_edge_probs_are_refused(probs: Tensor) -> None:
    active = torch.tensor([True, True, False])[: probs.shape[-1]]
    for call in (
        lambda: node_usage(probs),
        lambda: active_loss(probs, active, torch.ones(3, 3)),
        lambda: inactive_loss(probs, active),
    ):
        with pytest.raises(ValueError, match="edge_probs"):
            call()


def test_bad_arguments_are_named() -> None:
    probs, flags, ones = random_probs(2, 3).float(), torch.tensor([True, True, False]), torch.ones(3, 3)
    for bad in (flags.float(), flags[:2], flags.repeat(2, 1)):
        with pytest.raises(ValueError, match="active must be boolean"):
            active_loss(probs, bad, ones)
        with pytest.raises(ValueError, match="active must be boolean"):
            inactive_loss(probs, bad)
    for affinity in (torch.ones(2, 2), ones * float("nan")):
        with pytest.raises(ValueError, match="affinity"):
            active_loss(probs, flags, affinity)
    with pytest.raises(ValueError, match="usage_level"):
        active_loss(probs, flags, ones, usage_level="both")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one active"):
        inactive_loss(probs, torch.zeros(3, dtype=torch.bool))


@pytest.mark.parametrize(
    "features",
    [
        [],
        [torch.randn(3, 4)],
        [torch.randn(3, 1, 4)],
        [torch.randn(3, 4, 2), torch.randn(2, 4, 2)],
        [torch.ones(3, 4, 2, dtype=torch.long)],
        [torch.full((3, 4, 2), float("nan"))],
    ],
)
def test_bad_features_are_refused(features: list[Tensor]) -> None:
    with pytest.raises(ValueError, match="features must"):
        rsa_affinity(features)


def test_correlation_needs_three_images() -> None:
    with pytest.raises(ValueError, match="K >= 3"):
        rsa_affinity([torch.randn(2, 2, 4)], scale_rows=False)
