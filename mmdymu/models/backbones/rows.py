"""Which images of a batch pass through which nodes of a tree, where an image counts for some tasks only."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmdymu.tree import BranchingTree

__all__ = ["Rows", "node_rows", "take_rows"]

Rows = Sequence[Sequence[int]]
"""Per task the numbers of the images that count for it, ascending."""


def node_rows(tree: BranchingTree, rows: Rows) -> list[dict[int, tuple[int, ...]]]:
    """Images that pass through the nodes of a tree.

    Args:
        tree: Which stream's node feeds which.
        rows: Per task the images that count for it.

    Returns:
        Per layer, by used stream, the images of all tasks whose path goes through the node, in the batch's order.
    """
    layers: list[dict[int, set[int]]] = [{stream: set() for stream in used} for used in tree.used_nodes]
    for path, own in zip(tree.paths, rows, strict=True):
        for layer, stream in enumerate(path):
            layers[layer][stream].update(own)
    return [{stream: tuple(sorted(own)) for stream, own in layer.items()} for layer in layers]


def take_rows(x: Tensor, held: Sequence[int], wanted: Sequence[int]) -> Tensor:
    """Some images of a tensor that holds those of a node.

    Args:
        x: (len(held), …).
        held: Numbers of its images.
        wanted: Some of them.

    Returns:
        (len(wanted), …).
    """
    if tuple(held) == tuple(wanted):
        return x
    places = {row: place for place, row in enumerate(held)}
    return x[[places[row] for row in wanted]]
