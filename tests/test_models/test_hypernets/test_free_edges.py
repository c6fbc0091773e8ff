"""Decisions that no preference changes."""

from __future__ import annotations

import pytest
import tiny
import torch

from mmdymu.models import FreeEdges
from mmdymu.preference import Preference
from mmdymu.tree import BranchingTree

TREE = BranchingTree.from_paths([(1, 1, 0), (1, 1, 1), (1, 2, 2)])


def test_logits_are_the_same_for_every_preference_and_learn() -> None:
    edges = FreeEdges(3, 4)
    logits = edges(torch.rand(5, 3), torch.rand(5))
    assert logits.shape == (5, 4, 3, 3)
    assert not logits.any(), "every choice is equally likely at first"
    logits.sum().backward()
    assert edges.logits.grad is not None
    assert (edges.logits.grad == 5).all()


def test_a_decision_takes_the_place_of_the_logits_and_is_saved() -> None:
    edges = FreeEdges(3, 3)
    torch.nn.init.normal_(edges.logits)
    assert not edges.is_decided
    edges.decide(TREE)
    again = FreeEdges(3, 3)
    again.load_state_dict(edges.state_dict())
    for found in (edges, again):
        assert found.is_decided
        logits = found(torch.rand(2, 3), torch.rand(2))
        assert logits.shape == (2, 3, 3, 3)
        assert all(BranchingTree.from_logits(row) == TREE for row in logits)


def test_reset_forgets_all() -> None:
    edges = FreeEdges(3, 3)
    torch.nn.init.normal_(edges.logits)
    edges.decide(TREE)
    edges.reset_parameters()
    assert not edges.is_decided
    assert not edges(torch.rand(1, 3), torch.rand(1)).any()


def test_refuses_a_tree_of_another_size() -> None:
    with pytest.raises(ValueError, match=r"tree has decisions of shape \(3, 3, 3\), these edges \(4, 3, 3\)"):
        FreeEdges(3, 4).decide(TREE)


def test_a_model_runs_the_decided_tree_for_every_preference() -> None:
    model = tiny.build_model(stream=tiny.SHORT, edge_hypernet={"type": "FreeEdges"}, weight_hypernet=None).eval()
    model.edge_hypernet.decide(TREE)
    for weights in ([1, 0, 0], [0.2, 0.3, 0.5]):
        for cost_weight in (0.0, 1.0):
            preference = Preference.parse(weights, cost_weight=cost_weight, tasks=model.tasks)
            assert model.set_preference(preference) == TREE
