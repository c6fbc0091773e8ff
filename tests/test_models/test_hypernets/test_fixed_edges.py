"""A tree in the place of an edge hypernet."""

from __future__ import annotations

import pytest
import tiny
import torch

from mmdymu import BranchingTree, Preference
from mmdymu.models import ControllableSegmentor
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


def searched(tree: BranchingTree | None) -> dict[str, torch.Tensor]:
    """What a search leaves whose logits, as those of BMTAS, do not mean parents."""
    model = tiny.build_model(stream=tiny.SHORT, edge_hypernet={"type": "mmdymu.FreeEdges"}, weight_hypernet=None)
    torch.nn.init.normal_(model.edge_hypernet.logits)
    if tree is not None:
        model.edge_hypernet.decide(tree)
    return model.state_dict()


def static_model() -> ControllableSegmentor:
    return tiny.build_model(stream=tiny.SHORT, edge_hypernet={"type": "mmdymu.FixedEdges"}, weight_hypernet=None)


def test_a_search_brings_the_tree_that_it_has_found() -> None:
    model, tree = static_model(), BranchingTree(PARENTS[:3])
    state = searched(tree)
    names = set(state)
    assert not any(model.load_state_dict(state))
    assert model.predict_tree(Preference.uniform(model.tasks)) == tree
    assert set(state) == names, "the caller's dictionary is left alone"


def test_a_search_that_has_not_ended_brings_none() -> None:
    with pytest.raises(ValueError, match="a search that has not ended"):
        static_model().load_state_dict(searched(None))


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
