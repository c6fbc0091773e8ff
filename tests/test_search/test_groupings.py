"""Expected costs of grouped tasks against enumerations of everything that can be drawn, and decoding."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor

from mmdymu.search.groupings import (
    MAX_GROUPED_TASKS,
    expected_groups,
    expected_resource,
    grouping_probs,
    set_partitions,
    tree_of_copies,
)
from mmdymu.tree import BranchingTree

Groups = tuple[int, ...]
Rule = Callable[[Groups, Groups], Groups]


def random_probs(layers: int, tasks: int, *batch: int) -> Tensor:
    generator = torch.Generator().manual_seed(layers * tasks)
    logits = torch.randn(*batch, layers, tasks, tasks, generator=generator, dtype=torch.float64)
    return (2 * logits).softmax(dim=-1)


def canonical(labels: Sequence[object]) -> Groups:
    """Numbers of groups in the order of their first tasks."""
    order = list(dict.fromkeys(labels))
    return tuple(order.index(label) for label in labels)


def intersected(before: Groups, own: Groups) -> Groups:
    return canonical(list(zip(before, own, strict=True)))


def refined_or_parted(before: Groups, own: Groups) -> Groups:
    """What the source's recursion stands for: a layer that would join what is parted parts all."""
    return own if intersected(before, own) == own else tuple(range(len(own)))


def drawn_groups(probs: Tensor, rule: Rule) -> Iterator[tuple[float, list[Groups]]]:
    """Probability and every layer's groups, for all copies that all tasks can draw in all layers."""
    layers, tasks = probs.shape[:2]
    rows = list(itertools.product(range(tasks), repeat=tasks))
    chance = [
        [math.prod(float(probs[layer, t, c]) for t, c in enumerate(row)) for row in rows] for layer in range(layers)
    ]
    for numbers in itertools.product(range(len(rows)), repeat=layers):
        found = [canonical(rows[number]) for number in numbers]
        groups = list(itertools.accumulate(found, rule))
        yield math.prod(chance[layer][number] for layer, number in enumerate(numbers)), groups


def enumerated(probs: Tensor, rule: Rule) -> Tensor:
    """(L, K) probabilities of the groupings, by enumeration."""
    ways = set_partitions(probs.shape[1])
    counts: list[Counter[Groups]] = [Counter() for _ in probs]
    for chance, layers in drawn_groups(probs, rule):
        for counter, groups in zip(counts, layers, strict=True):
            counter[groups] += chance  # type: ignore[assignment]
    return torch.tensor([[counter[way] for way in ways] for counter in counts], dtype=torch.float64)


@pytest.mark.parametrize(("tasks", "bell"), enumerate([1, 2, 5, 15, 52, 203, 877], start=1))
def test_all_ways_to_group_tasks(tasks: int, bell: int) -> None:
    ways = set_partitions(tasks)
    assert len(set(ways)) == len(ways) == bell
    assert all(canonical(way) == way for way in ways)
    assert (ways[0], ways[-1]) == ((0,) * tasks, tuple(range(tasks)))


@pytest.mark.parametrize(("tasks", "layers"), [(1, 2), (2, 1), (2, 4), (3, 1), (3, 2), (3, 3), (4, 1)])
def test_exact_cost_by_enumeration_of_all_choices(tasks: int, layers: int) -> None:
    probs = random_probs(layers, tasks)
    costs = torch.rand(layers, dtype=torch.float64) + 0.1
    expected = sum(
        chance * sum(cost * len(set(groups)) for cost, groups in zip(costs.tolist(), drawn, strict=True))
        for chance, drawn in drawn_groups(probs, intersected)
    )
    assert expected_resource(probs, costs, exact=True).item() == pytest.approx(expected, abs=1e-10)
    torch.testing.assert_close(grouping_probs(probs, exact=True), enumerated(probs, intersected))


@pytest.mark.parametrize(("tasks", "layers"), [(1, 2), (2, 4), (3, 1), (3, 3), (4, 1)])
def test_the_recursion_is_the_law_of_layers_that_part_all_tasks_where_they_would_join_some(
    tasks: int, layers: int
) -> None:
    probs = random_probs(layers, tasks)
    torch.testing.assert_close(grouping_probs(probs), enumerated(probs, refined_or_parted))


def test_the_recursion_as_it_is_printed() -> None:
    tasks, layers = 4, 3
    probs = random_probs(layers, tasks)
    ways = set_partitions(tasks)
    own: list[Counter[Groups]] = [Counter() for _ in range(layers)]
    for layer, row in itertools.product(range(layers), itertools.product(range(tasks), repeat=tasks)):
        own[layer][canonical(row)] += math.prod(float(probs[layer, t, c]) for t, c in enumerate(row))  # type: ignore
    found = [dict(own[0])]
    for layer in range(1, layers):
        now = {
            way: own[layer][way] * sum(found[-1][other] for other in ways if intersected(other, way) == way)
            for way in ways[:-1]
        }
        found.append({**now, ways[-1]: 1 - sum(now.values())})
    expected = torch.tensor([[probs_of[way] for way in ways] for probs_of in found], dtype=torch.float64)
    torch.testing.assert_close(grouping_probs(probs), expected)


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_the_recursion_is_exact_for_two_tasks(layers: int) -> None:
    probs = random_probs(layers, 2, 4)
    torch.testing.assert_close(grouping_probs(probs), grouping_probs(probs, exact=True))


@pytest.mark.parametrize("tasks", [3, 5])
def test_the_recursion_is_an_upper_bound_for_more_tasks(tasks: int) -> None:
    probs = random_probs(4, tasks, 8)
    bound, exact = expected_groups(probs), expected_groups(probs, exact=True)
    torch.testing.assert_close(bound[..., 0], exact[..., 0])
    assert (bound[..., 1:] > exact[..., 1:] + 1e-3).all()
    assert (grouping_probs(probs)[..., :-1] <= grouping_probs(probs, exact=True)[..., :-1] + 1e-12).all()


def test_joining_what_was_parted_parts_all_tasks_in_the_recursion_alone() -> None:
    choices = torch.eye(3)[torch.tensor([[0, 0, 1], [2, 2, 2]])]
    assert expected_groups(choices, exact=True).tolist() == [2, 2]
    assert expected_groups(choices).tolist() == [2, 3]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("tasks", [2, 3, 6, MAX_GROUPED_TASKS])
def test_one_hot_choices_along_a_tree_cost_the_tree(tasks: int, exact: bool) -> None:
    rng = random.Random(tasks)
    tree = BranchingTree(tuple(tuple(rng.randrange(tasks) for _ in range(tasks)) for _ in range(5)))
    choices = torch.eye(tasks)[torch.tensor(tree.paths).T].requires_grad_()
    costs = torch.arange(1.0, 6.0)
    resource = expected_resource(choices, costs, exact=exact)
    assert resource.item() == pytest.approx(tree.cost(costs[:, None].expand(5, tasks)), abs=1e-5)
    resource.backward()
    assert choices.grad is not None
    assert torch.isfinite(choices.grad).all()


@pytest.mark.parametrize("exact", [False, True])
def test_gradients(exact: bool) -> None:
    logits = torch.randn(3, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    costs = torch.tensor([3.0, 1.0, 2.0])
    assert torch.autograd.gradcheck(lambda x: expected_resource(x.softmax(-1), costs, exact=exact), logits)


@pytest.mark.parametrize("exact", [False, True])
def test_descending_makes_all_tasks_meet(exact: bool) -> None:
    logits = 0.1 * torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(0))
    logits.requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.1)
    assert tree_of_copies(logits.argmax(-1).tolist()).num_used > 4
    for _ in range(100):
        optimizer.zero_grad()
        expected_resource(logits.softmax(-1), torch.ones(4), exact=exact).backward()
        optimizer.step()
    assert tree_of_copies(logits.argmax(-1).tolist()) == BranchingTree.shared(3, 4, 0)


@pytest.mark.parametrize("exact", [False, True])
def test_names_of_tasks_and_copies_do_not_matter(exact: bool) -> None:
    probs, costs = random_probs(3, 5), torch.tensor([1.0, 2.0, 3.0])
    expected = expected_resource(probs, costs, exact=exact)
    torch.testing.assert_close(expected_resource(probs[:, torch.tensor([3, 0, 4, 1, 2])], costs, exact=exact), expected)
    probs[1] = probs[1][:, [4, 2, 0, 1, 3]]
    torch.testing.assert_close(expected_resource(probs, costs, exact=exact), expected)


@pytest.mark.parametrize("exact", [False, True])
def test_rows_are_distributions_in_every_batch(exact: bool) -> None:
    probs = random_probs(4, 6, 2, 3)
    found = grouping_probs(probs, exact=exact)
    assert found.shape == (2, 3, 4, 203)
    assert found.min() > -1e-9
    torch.testing.assert_close(found.sum(-1), torch.ones(2, 3, 4, dtype=torch.float64))
    torch.testing.assert_close(found[1, 2], grouping_probs(probs[1, 2], exact=exact))
    assert expected_groups(probs.float()).dtype == torch.float32


def test_refuses_wrong_input() -> None:
    for tasks in (0, MAX_GROUPED_TASKS + 1):
        with pytest.raises(ValueError, match=f"{tasks} tasks: .* 1 to 7 tasks"):
            set_partitions(tasks)
    with pytest.raises(ValueError, match="8 tasks"):
        grouping_probs(torch.full((1, 8, 8), 1 / 8))
    with pytest.raises(ValueError, match="sum to 1"):
        expected_groups(torch.ones(2, 3, 3))
    for costs in (torch.ones(2), -torch.ones(3), torch.full((3,), torch.inf)):
        with pytest.raises(ValueError, match="layer_costs must be"):
            expected_resource(random_probs(3, 2), costs)


def test_tasks_share_a_layer_where_they_have_agreed_so_far() -> None:
    copies = [[2, 2, 2, 2], [1, 1, 0, 1], [3, 0, 3, 3], [1, 1, 1, 1]]
    tree = tree_of_copies(copies)
    assert tree.paths == ((0, 0, 0, 0), (0, 0, 1, 1), (0, 2, 2, 2), (0, 0, 0, 0))


@pytest.mark.parametrize("tasks", [1, 2, 5, 20])
def test_decoding_is_intersecting(tasks: int) -> None:
    rng = random.Random(tasks)
    copies = [[rng.randrange(2) for _ in range(tasks)] for _ in range(4)]
    tree = tree_of_copies(copies)
    groups = itertools.accumulate(map(canonical, copies), intersected)
    assert [canonical(streams) for streams in zip(*tree.paths, strict=True)] == list(groups)


def test_a_trees_own_paths_decode_to_itself_up_to_names() -> None:
    tree = BranchingTree.from_paths([(1, 1, 2), (1, 1, 2), (1, 0, 0)])
    found = tree_of_copies(list(zip(*tree.paths, strict=True)))
    assert found.paths == ((0, 0, 0), (0, 0, 0), (0, 2, 2))
    assert found.num_used == tree.num_used


@pytest.mark.parametrize("copies", [[], [[0, 1], [0]]])
def test_decoding_refuses_ragged_rows(copies: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="copies must be rows"):
        tree_of_copies(copies)
