"""Which images of a batch pass through which nodes of a tree, where an image counts for some tasks only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

__all__ = ["Images", "Rows", "counting_images", "take_rows"]

Images = tuple[int, ...]
"""Numbers of images of a batch, ascending."""

Rows = Sequence[Sequence[int]]
"""Per task the numbers of the images that count for it, ascending."""


def counting_images(tasks: Iterable[int], rows: Rows | None, held: Images) -> Images:
    """Images that count for any of some tasks.

    Args:
        tasks: Numbers of tasks.
        rows: Per task the images that count for it; None where all count for all.
        held: The images that there are.

    Returns:
        Their numbers.
    """
    return held if rows is None else tuple(sorted({row for task in tasks for row in rows[task]}))


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
