"""A tree in the place of an edge hypernet."""

from __future__ import annotations

import pytest
import tiny
import torch

from mmdymu import BranchingTree, Preference
from mmdymu.models.hypernets import FixedEdges

PARENTS = ((0, 0, 2), (1, 1, 2), (0, 0, 2), (1, 0, 0))


@pytest.mark.parametrize(
    ("tree", "wanted"),
    [
        ("shared", BranchingTree.shared(3, 4, 0)),
        ("separate", BranchingTree.separate(3, 4)),
        (PARENTS, BranchingTree(PARENTS)),
        ([list(row) for row in PARENTS], BranchingTree(PARENTS)),
    ],
)
def test_every_preference_gets_the_tree(tree: object, wanted: BranchingTree) -> None:
    edges = FixedEdges(3, 4, tree)
    logits = edges(torch.softmax(5 * torch.randn(7, 3), -1), torch.rand(7))
    assert logits.shape == (7, 4, 3, 3)
    assert all(BranchingTree.from_logits(row) == wanted for row in logits)
    assert torch.equal(logits.softmax(-1), torch.tensor(wanted.to_edges()).expand(7, -1, -1, -1))
    assert edges.tree == wanted
    assert not list(edges.parameters())


def test_a_checkpoint_brings_its_tree() -> None:
    saved = FixedEdges(3, 4, PARENTS).state_dict()
    edges = FixedEdges(3, 4)
    edges.load_state_dict(saved)
    assert edges.tree == BranchingTree(PARENTS)


def test_searched_decisions_bring_the_most_likely_tree() -> None:
    model = tiny.build_model(stream=tiny.SHORT, edge_hypernet={"type": "mmdymu.FixedEdges"}, weight_hypernet=None)
    state = {name: value for name, value in model.state_dict().items() if name != "edge_hypernet.decisions"}
    state["edge_hypernet.logits"] = logits = torch.randn(3, 3, 3)
    model.load_state_dict(state)
    assert model.predict_tree(Preference.uniform(model.tasks)) == BranchingTree.from_logits(logits)
    assert "edge_hypernet.logits" in state


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ("star", "tree='star' is unknown"),
        (PARENTS[:3], "tree has 3 rows of 3 parents, the model has 4 layers and 3 tasks"),
        (((0, 1),) * 4, "4 rows of 2 parents"),
        (((0, 1, 3),) * 4, "must lie in 0..2"),
    ],
)
def test_refuses_other_trees(tree: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FixedEdges(3, 4, tree)
