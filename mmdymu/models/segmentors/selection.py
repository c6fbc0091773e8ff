"""What a preference selects: a tree and the state of its nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from mmdymu.budget import BUDGET_KINDS, Budget
from mmdymu.preference import Preference
from mmdymu.tree import BranchingTree

from ..backbones import Node


@dataclass(frozen=True)
class Selection:
    """The network that one preference selects out of the anchor.

    Attributes:
        preference: What was asked for.
        tree: The most likely tree under it, or the one that was given.
        node_states: Tensors that replace parameters and buffers of nodes: shifted norm parameters, calibrated
            statistics. Heads are the nodes of layer L.
        is_given: Whether somebody else than the edge hypernet chose the tree.
        about: What who gave the tree says about it, such as the budget that it was searched for; ready for JSON.
    """

    preference: Preference
    tree: BranchingTree
    node_states: Mapping[Node, Mapping[str, Tensor]] = field(default_factory=dict, repr=False)
    is_given: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_calibrated(self) -> bool:
        """Whether some norm has statistics of its own in place of the anchor's."""
        return any(name.endswith("running_mean") for state in self.node_states.values() for name in state)

    @property
    def asked(self) -> str:
        """Show the preference, with the cost weight or with the budget that takes its place."""
        found = self.about.get("budget")
        if not found:
            return str(self.preference)
        budget = Budget.parse({kind: limit for kind, limit in found.items() if kind in BUDGET_KINDS})
        return f"{self.preference.show_weights()}; {budget}"

    def with_states(self, states: Mapping[Node, Mapping[str, Tensor]]) -> Selection:
        """The same selection with more tensors replaced."""
        nodes = {*self.node_states, *states}
        merged = {node: {**self.node_states.get(node, {}), **states.get(node, {})} for node in nodes}
        return replace(self, node_states=merged)

    def map_states(self, function: Callable[[Tensor], Tensor]) -> Selection:
        """The same selection with a function, such as a move to another device, applied to its tensors."""
        states = {
            node: {name: function(value) for name, value in state.items()} for node, state in self.node_states.items()
        }
        return replace(self, node_states=states)


def choice_of(selection: Selection | None) -> dict[str, Any]:
    """Who chose the tree that runs, and what was said about it; without a selection the anchor runs."""
    if selection is None:
        return {"chosen_by": "anchor"}
    chosen_by = "edge hypernet"
    if selection.is_given:
        chosen_by = "search within a budget" if "budget" in selection.about else "given"
    return {"chosen_by": chosen_by, **selection.about}


def check_tree(tree: BranchingTree, anchor: BranchingTree) -> BranchingTree:
    """The tree, if it has the anchor's size.

    Raises:
        ValueError: If it has other tasks or layers.
    """
    if (tree.num_tasks, tree.num_layers) != (anchor.num_tasks, anchor.num_layers):
        wanted = f"{anchor.num_tasks} tasks and {anchor.num_layers} layers"
        raise ValueError(f"tree has {tree.num_tasks} tasks and {tree.num_layers} layers, the model has {wanted}")
    return tree
