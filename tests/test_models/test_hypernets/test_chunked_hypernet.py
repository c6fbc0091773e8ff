"""PHN's hypernet: sizes, the plain formula, and that a network's weights are its numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import tiny
import tiny_classes
import torch
from torch import Tensor, nn

from mmdymu import Preference
from mmdymu.models import ControllableNet
from mmdymu.models.hypernets import ChunkedHypernet, ChunkPlan

PARTS = {(0, 0): nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), (1, 1): nn.Linear(4, 2, bias=False)}
NUMBERS = 3 * 4 * 9 + 4 + 8 + 8
RATIO = torch.tensor([0.2, 0.8])


def small(**changes: Any) -> ChunkedHypernet:
    sizes = {"embedding_dim": 3, "chunk_dim": 5, "hidden": 6, "out": 7, "matrices": 2}
    return ChunkedHypernet(2, 1, PARTS, **{**sizes, **changes})


def plain_numbers(net: ChunkedHypernet, weights: Tensor) -> list[float]:
    """Chunk after chunk, matrix after matrix."""
    first, _, second, _ = net.trunk[0]
    third, numbers = net.trunk[1], []
    for chunk in net.chunks:
        x = torch.cat([sum(r * e for r, e in zip(weights, net.tasks, strict=True)), chunk])
        h = third.weight @ (second.weight @ (first.weight @ x + first.bias).relu() + second.bias).relu() + third.bias
        for matrix in net.matrices.split(net.plan.out):
            numbers += (matrix @ h).tolist()
    return numbers


def test_makes_the_numbers_of_the_plain_formula_in_order() -> None:
    net = small(base=None)
    numbers = plain_numbers(net, RATIO)
    assert len(numbers) == math.ceil(NUMBERS / 14) * 14
    states = net.states(RATIO, torch.tensor(0.7), PARTS)
    names = [(node, name) for node in PARTS for name, _ in PARTS[node].named_parameters()]
    assert [(node, name) for node, state in states.items() for name in state] == names
    found = torch.cat([states[node][name].flatten() for node, name in names])
    torch.testing.assert_close(found, torch.tensor(numbers[:NUMBERS]))
    assert all(states[node][name].shape == PARTS[node].get_parameter(name).shape for node, name in names)


def test_the_slices_do_not_depend_on_what_runs() -> None:
    net = small(base=None)
    everything = net.states(RATIO, torch.tensor(0.0), PARTS)
    head = net.states(RATIO, torch.tensor(0.0), {(1, 1): PARTS[1, 1]})
    assert list(head) == [(1, 1)]
    assert torch.equal(head[1, 1]["weight"], everything[1, 1]["weight"])


def test_begins_with_the_initial_weights_and_adds_to_them() -> None:
    net = small()
    begin = net.states(RATIO, torch.tensor(0.0), PARTS)
    assert all(torch.equal(v, PARTS[node].get_parameter(k)) for node, state in begin.items() for k, v in state.items())
    nn.init.normal_(net.matrices)
    pure = net(RATIO)
    moved = net.states(RATIO, torch.tensor(0.0), PARTS)
    torch.testing.assert_close(moved[1, 1]["weight"], PARTS[1, 1].weight + pure[-8:].view(2, 4))


def test_every_parameter_learns_from_the_initial_weights_in_two_steps() -> None:
    net = small()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    before = [parameter.clone() for parameter in net.parameters()]
    for _ in range(2):
        optimizer.zero_grad()
        net(RATIO).sub(1).square().sum().backward()
        optimizer.step()
    changed = [not torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True)]
    assert all(changed)


@pytest.mark.parametrize("changes", [{}, {"matrices": 1}, {"hidden": 9, "out": 1}, {"out": 1000}])
def test_parameters_are_those_of_the_formula(changes: dict[str, int]) -> None:
    net = small(**changes)
    assert sum(parameter.numel() for parameter in net.parameters()) == net.plan.params
    h, m, k = net.plan.hidden, net.plan.out, net.plan.matrices
    chunks = math.ceil(NUMBERS / (k * m))
    assert net.plan.params == 2 * 3 + chunks * 5 + (8 * h + h) + 2 * (h * h + h) + k * m * h


@pytest.mark.parametrize(("matrices", "chunks"), [(11, 105), (5, 230), (1, 1150)])
def test_published_sizes(matrices: int, chunks: int) -> None:
    """ResNet-18's hypernets of 11, 5 and 1 million parameters (its weights lie between these limits)."""
    plan = ChunkPlan(11_495_000, num_tasks=3, matrices=matrices)
    assert plan.chunks == chunks
    assert plan.params == pytest.approx(matrices * 1e6, rel=0.11)
    assert plan.within(plan.params) == plan
    assert plan.within(None).matrices == 11


def test_the_budget_is_kept_and_used() -> None:
    plan = ChunkPlan(600_000, num_tasks=3, out=1000)
    for budget in (200_000, 500_000, 700_000):
        found = plan.within(budget)
        more = ChunkPlan(600_000, num_tasks=3, out=1000, matrices=found.matrices + 1)
        assert found.params <= budget < more.params
        assert small(matrices=None, params=1000).plan.params <= 1000
    assert plan.within(10**9).chunks == 1


def test_a_budget_that_is_too_small() -> None:
    needed = ChunkPlan(600_000, num_tasks=3, out=1000).params
    with pytest.raises(ValueError, match=rf"params=1000 is too small .* need {needed}"):
        ChunkPlan(600_000, num_tasks=3, out=1000).within(1000)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base": "anchor"}, "base='anchor' is unknown"),
        ({"matrices": 0}, "matrices=0 .* must be a positive integer"),
        ({"out": -1}, "out=-1"),
        ({"params": 9}, "give one of the two"),
    ],
)
def test_bad_settings(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**changes)


def static(family: str, base: str | None) -> ControllableNet:
    parts = {"edge_hypernet": {"type": "mmdymu.FixedEdges"}}
    hypernet = {"type": "mmdymu.ChunkedHypernet", "base": base, "hidden": 20}
    module = tiny if family == "segmentor" else tiny_classes
    model = module.build_model(**parts, weight_hypernet=hypernet)
    nn.init.normal_(model.weight_hypernet.matrices, std=0.1)
    model.set_norm_statistics("batch")
    return model.eval()


@pytest.mark.parametrize("family", ["segmentor", "classifier"])
def test_all_weights_of_the_network_are_made(family: str) -> None:
    """Without a base, nothing depends on the model's own parameters; the hypernet's are those of the formula."""
    model = static(family, None)
    asked = Preference(model.tasks, (0.1, 0.2, 0.7))
    x = torch.randn(2, 3, *model.image_size)
    model.set_preference(asked)
    before = model(x)
    with torch.no_grad():
        for parameter in [*model.backbone.parameters(), *model.heads.parameters()]:
            parameter.normal_()
    model.set_preference(asked)
    after = model(x)
    assert all(torch.equal(before[task], after[task]) and bool(after[task].std() > 0) for task in model.tasks)

    tree = model.predict_tree(asked)
    assert model.weight_hypernet.plan.numbers == model.complexity.params(tree)
    assert sum(p.numel() for p in model.weight_hypernet.parameters()) == model.weight_hypernet.plan.params
    model.set_preference(Preference(model.tasks, (0.7, 0.2, 0.1)))
    assert not any(torch.equal(after[task], model(x)[task]) for task in model.tasks)


def test_the_base_counts_where_there_is_one() -> None:
    model = static("classifier", "initial")
    asked, x = Preference.uniform(model.tasks), torch.randn(2, 3, 32, 32)
    model.set_preference(asked)
    before = model(x)
    with torch.no_grad():
        for parameter in model.heads.parameters():
            parameter.add_(1)
    model.set_preference(asked)
    assert not any(torch.equal(before[task], model(x)[task]) for task in model.tasks)


def test_the_cost_weight_does_not_count() -> None:
    model = static("classifier", None)
    states = [model.norm_states(Preference.uniform(model.tasks, c), model.edge_hypernet.tree) for c in (0.0, 1.0)]
    assert all(torch.equal(states[0][node][name], v) for node, state in states[1].items() for name, v in state.items())


def test_forgets_its_training() -> None:
    net = small()
    nn.init.normal_(net.matrices)
    old = net.trunk[1].weight.clone()
    net.reset_parameters()
    assert not net.matrices.any()
    assert not torch.equal(net.trunk[1].weight, old)
