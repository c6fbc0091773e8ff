"""Trees and soft decisions over the nodes of N streams."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmdymu.models.backbones import ControllableBackbone
from mmdymu.models.streams import Stream, Unit, build_stream
from mmdymu.tree import BranchingTree

RESNET = {
    "type": "mmseg.ResNet",
    "depth": 18,
    "stem_channels": 4,
    "base_channels": 4,
    "strides": (1, 2, 2, 1),
    "dilations": (1, 1, 1, 1),
    "out_indices": (0, 3),
}
TASK_NUMBERS = (2, 3, 5, 20)


def perturbed(module: nn.Module, seed: int) -> nn.Module:
    """Every stream differs from the others, its norm statistics too."""
    generator = torch.Generator().manual_seed(seed)
    for value in module.state_dict().values():
        if value.is_floating_point():
            value.add_(0.2 * torch.rand(value.shape, generator=generator))
    return module


def build(num_tasks: int, **stream: object) -> ControllableBackbone:
    streams = [build_stream(RESNET, **stream) for _ in range(num_tasks)]  # type: ignore[arg-type]
    backbone = ControllableBackbone(streams)
    backbone.init_weights()
    for seed, part in enumerate(backbone.streams):
        perturbed(part, seed)
    return backbone.eval()


class Chain(nn.Module):
    """A hand-made stream of 1x1 convolutions: small enough for 20 tasks, and easy to follow."""

    init_cfg = None

    def __init__(self) -> None:
        super().__init__()
        sizes = ((3, 2), (2, 4), (4, 3), (3, 2))
        self.parts = nn.ModuleList(nn.Sequential(nn.Conv2d(a, b, 1), nn.Tanh()) for a, b in sizes)


def chains(num_tasks: int, outputs: tuple[int, ...] = (0, 2, 3)) -> ControllableBackbone:
    streams = []
    for _ in range(num_tasks):
        parts = Chain().parts
        units = [Unit({f"part{i}": part}, i in outputs) for i, part in enumerate(parts)]
        streams.append(Stream(Chain(), units))  # type: ignore[arg-type]
    return ControllableBackbone(streams).eval()


def random_tree(num_tasks: int, num_layers: int, seed: int) -> BranchingTree:
    table = np.random.default_rng(seed).integers(0, num_tasks, (num_layers, num_tasks))
    return BranchingTree(tuple(map(tuple, table.tolist())))


def by_hand(backbone: ControllableBackbone, x: Tensor, tree: BranchingTree) -> list[list[Tensor]]:
    """Each task's own path, run on its own."""
    results = []
    for path in tree.paths:
        y, features = x, []
        for layer, stream in enumerate(path):
            y = backbone.stream(stream).nodes[layer](y)
            if layer in backbone.out_layers:
                features.append(y)
        results.append(features)
    return results


def assert_equal(found: list, expected: list) -> None:
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("num_tasks", TASK_NUMBERS)
@pytest.mark.parametrize("seed", range(3))
def test_features_are_those_of_each_tasks_own_path(num_tasks: int, seed: int) -> None:
    backbone = chains(num_tasks)
    tree = random_tree(num_tasks, 4, seed)
    x = torch.randn(2, 3, 5, 4)
    found = backbone(x, tree)
    for mine, theirs in zip(found, by_hand(backbone, x, tree), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))


@torch.no_grad()
def test_a_walk_keeps_one_branch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone, made, alive = chains(5), [], []
    run_node = backbone.run_node

    def watched(*args: Any) -> Tensor:
        y = run_node(*args)
        made.append(weakref.ref(y))
        return y

    monkeypatch.setattr(backbone, "run_node", watched)
    tasks = []
    for task, features in backbone.walk(
        torch.randn(1, 3, 5, 4), BranchingTree.heuristic(5, 4, trunk=2, branch_layer=1)
    ):
        tasks.append(task)
        alive.append(sum(ref() is not None for ref in made))
        del features
    assert sorted(tasks) == list(range(5)) and len(made) == 1 + 5 * 3
    # The trunk's output and a task's two other features, whatever ran before; the branches' inner nodes are gone.
    assert max(alive) <= 4


@pytest.mark.parametrize("num_tasks", TASK_NUMBERS)
@pytest.mark.parametrize("seed", range(3))
def test_a_tree_equals_one_hot_soft_decisions(num_tasks: int, seed: int) -> None:
    backbone = chains(num_tasks)
    tree = random_tree(num_tasks, 4, seed)
    x = torch.randn(2, 3, 5, 4)
    assert_equal(backbone.forward_soft(x, torch.tensor(tree.to_edges())), backbone(x, tree))


@pytest.mark.parametrize("stream", [{}, {"granularity": "block"}, {"merge": (2, 1, 1, 1)}], ids=str)
def test_a_tree_of_resnets_equals_one_hot_soft_decisions(stream: dict) -> None:
    backbone = build(3, **stream)
    tree = random_tree(3, backbone.num_layers, 1)
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        found = backbone(x, tree)
        assert all(feature.any() for features in found for feature in features)
        assert_equal(backbone.forward_soft(x, torch.tensor(tree.to_edges())), found)


@pytest.mark.parametrize("num_tasks", TASK_NUMBERS)
def test_every_used_node_runs_once_and_no_other(num_tasks: int) -> None:
    backbone = chains(num_tasks)
    calls: Counter[tuple[int, int]] = Counter()
    for stream in range(num_tasks):
        for layer in range(backbone.num_layers):
            node = backbone.node((layer, stream))
            node.register_forward_hook(lambda *_, key=(layer, stream): calls.update([key]))
    for seed in range(5):
        tree = random_tree(num_tasks, backbone.num_layers, seed)
        calls.clear()
        backbone(torch.randn(1, 3, 2, 2), tree)
        used = {(layer, i) for layer, streams in enumerate(tree.used_nodes) for i in streams}
        assert calls == Counter(used)
        assert len(used) == tree.num_used < num_tasks * backbone.num_layers


def test_unused_nodes_have_no_influence() -> None:
    backbone = chains(3)
    tree = BranchingTree.shared(3, 4, 1)
    x = torch.randn(1, 3, 4, 4)
    before = backbone(x, tree)
    for stream in (0, 2):
        for parameter in backbone.stream(stream).parameters():
            parameter.data.fill_(torch.nan)
    assert_equal(backbone(x, tree), before)


def test_shared_nodes_give_the_tasks_one_tensor() -> None:
    features = chains(4)(torch.randn(1, 3, 4, 4), BranchingTree.heuristic(4, 4, 2, 3))
    assert len({id(task[1]) for task in features}) == 1
    assert len({id(task[2]) for task in features}) == 4


def test_the_separate_tree_is_the_streams_themselves() -> None:
    backbone = build(2)
    x = torch.randn(1, 3, 32, 32)
    found = backbone(x, BranchingTree.separate(2, backbone.num_layers))
    expected = [list(stream(x)) for stream in backbone.streams]
    for mine, theirs in zip(found, expected, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))


def soft_by_loops(backbone: ControllableBackbone, x: Tensor, edges: Tensor) -> list[list[Tensor]]:
    """The relaxation for one preference, node by node; early features by enumerating the paths' last steps."""
    count, depth = backbone.num_streams, backbone.num_layers
    layers: list[list[Tensor]] = []
    for layer in range(depth):
        row = []
        for j in range(count):
            y = sum(edges[layer - 1, j, k] * layers[-1][k] for k in range(count)) if layer else x
            row.append(backbone.node((layer, j))(y))
        layers.append(row)
    results = []
    for head in range(count):
        reach = [1.0 if i == head else 0.0 for i in range(count)]
        by_layer = {}
        for layer in range(depth - 1, -1, -1):
            reach = [sum(reach[j] * edges[layer, j, k] for j in range(count)) for k in range(count)]
            by_layer[layer] = sum(reach[k] * layers[layer][k] for k in range(count))
        results.append([by_layer[layer] for layer in backbone.out_layers])
    return results


@pytest.mark.parametrize("num_tasks", [2, 3, 5])
def test_soft_decisions_against_plain_loops(num_tasks: int) -> None:
    backbone = chains(num_tasks)
    x = torch.randn(2, 3, 3, 2)
    edges = torch.randn(4, num_tasks, num_tasks).softmax(-1)
    assert_equal(backbone.forward_soft(x, edges), soft_by_loops(backbone, x, edges))


@pytest.mark.parametrize("num_tasks", [2, 3, 5])
def test_soft_decisions_of_each_image_equal_runs_of_single_images(num_tasks: int) -> None:
    backbone = chains(num_tasks)
    x = torch.randn(3, 3, 3, 2)
    edges = torch.randn(3, 4, num_tasks, num_tasks).softmax(-1)
    together = backbone.forward_soft(x, edges)
    for index in range(3):
        alone = backbone.forward_soft(x[index : index + 1], edges[index])
        assert_equal([[f[index : index + 1] for f in task] for task in together], alone)


def test_gradients_reach_the_logits_of_all_decisions() -> None:
    backbone = chains(3)
    logits = torch.randn(4, 3, 3, requires_grad=True)
    features = backbone.forward_soft(torch.randn(2, 3, 3, 2), logits.softmax(-1))
    sum(feature.square().sum() for task in features for feature in task).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad != 0).all()


def test_gradients_of_a_tree_stay_on_its_nodes() -> None:
    backbone = chains(3)
    tree = BranchingTree.heuristic(3, 4, 1, 2)
    sum(task[-1].sum() for task in backbone(torch.randn(1, 3, 4, 4), tree)).backward()
    for layer in range(4):
        for stream in range(3):
            gradients = [p.grad is not None for p in backbone.node((layer, stream)).parameters()]
            assert set(gradients) == {stream in tree.used_nodes[layer]}


@pytest.mark.parametrize("soft", [False, True])
def test_node_states_replace_parameters_for_one_call(soft: bool) -> None:
    backbone = chains(3)
    tree = BranchingTree.shared(3, 4, 0)
    x = torch.randn(1, 3, 4, 4)

    def run(states: dict | None) -> list:
        if soft:
            return backbone.forward_soft(x, torch.tensor(tree.to_edges()), states)
        return backbone(x, tree, states)

    before = run(None)
    weight = torch.randn(4, 2, 1, 1)
    changed = run({(1, 0): {"part1.0.weight": weight}, (1, 2): {"part1.0.weight": weight}})
    assert_equal(run(None), before)
    # The replaced node is the only one that changes: what comes before it is equal.
    assert_equal([task[:1] for task in changed], [task[:1] for task in before])
    backbone.node((1, 0)).part1[0].weight.data.copy_(weight)
    assert_equal(run(None), changed)
    assert not torch.allclose(changed[0][1], before[0][1])


def test_node_states_of_unused_nodes_do_nothing() -> None:
    backbone = chains(2)
    tree = BranchingTree.shared(2, 4, 0)
    x = torch.randn(1, 3, 4, 4)
    assert_equal(backbone(x, tree, {(2, 1): {"part2.0.bias": torch.full((3,), 9.0)}}), backbone(x, tree))


@pytest.mark.parametrize("num_tasks", TASK_NUMBERS)
def test_all_streams_start_equal(num_tasks: int) -> None:
    backbone = ControllableBackbone([build_stream(RESNET) for _ in range(num_tasks)])
    first = backbone.streams[0].state_dict()
    assert any(not torch.equal(v, first[k]) for k, v in backbone.streams[1].state_dict().items())
    backbone.init_weights()
    for stream in backbone.streams:
        assert all(torch.equal(value, first[key]) for key, value in stream.state_dict().items())
    # Equal values in tensors of their own.
    assert len({p.data_ptr() for p in backbone.parameters()}) == len(list(backbone.parameters()))


def test_sizes() -> None:
    backbone = build(4)
    assert (backbone.num_streams, backbone.num_layers, backbone.out_layers) == (4, 5, (1, 4))
    assert backbone.pretrained is None


def test_reordering_streams_and_decisions_reorders_the_features() -> None:
    backbone = chains(4)
    tree = random_tree(4, 4, 7)
    order = (2, 0, 3, 1)
    reordered = ControllableBackbone([backbone.stream(i) for i in order])
    parents = tuple(tuple(order.index(row[i]) for i in order) for row in tree.parents)
    x = torch.randn(1, 3, 4, 4)
    before, after = backbone(x, tree), reordered(x, BranchingTree(parents))
    assert_equal(after, [before[i] for i in order])
