"""Which tasks share which layers: chains of ever finer partitions of the tasks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import comb

__all__ = ["Block", "Chain", "Partition", "chains", "count_chains", "partitions", "restrict"]

Block = tuple[int, ...]
Partition = tuple[Block, ...]
Chain = tuple[Partition, ...]


def partitions(block: Block) -> Iterator[Partition]:
    """Partition a block.

    Args:
        block: Tasks.

    Yields:
        Every partition into non-empty blocks.
    """
    if not block:
        yield ()
        return
    first, rest = block[0], block[1:]
    for smaller in partitions(rest):
        yield ((first,), *smaller)
        for index, other in enumerate(smaller):
            yield ((first, *other), *smaller[:index], *smaller[index + 1 :])


def chains(block: Block, num_layers: int) -> Iterator[Chain]:
    """Enumerate the ways in which a block's tasks can part.

    Args:
        block: Tasks.
        num_layers: L.

    Yields:
        L partitions, from the image to the heads, each a refinement of the one before.
    """
    if num_layers == 0:
        yield ()
        return
    for partition in partitions(block):
        for parts in product(*(tuple(chains(part, num_layers - 1)) for part in partition)):
            yield (partition, *(tuple(sum(layer, ())) for layer in zip(*parts, strict=True)))


def count_chains(num_tasks: int, num_layers: int) -> int:
    """Count :func:`chains` without listing them.

    Args:
        num_tasks: N.
        num_layers: L.

    Returns:
        The number of chains of L partitions of N tasks.
    """
    counts = [1] * (num_tasks + 1)
    for _ in range(num_layers):
        # The block of the first task has k members; the others are partitioned on their own.
        longer = [1]
        for size in range(1, num_tasks + 1):
            longer.append(sum(comb(size - 1, k - 1) * counts[k] * longer[size - k] for k in range(1, size + 1)))
        counts = longer
    return counts[num_tasks]


def restrict(chain: Chain, block: Block) -> Chain:
    """Look at a part of the tasks.

    Args:
        chain: Partitions that refine a partition with ``block`` in it.
        block: Tasks.

    Returns:
        The chain's blocks within ``block``.
    """
    return tuple(tuple(part for part in partition if part[0] in block) for partition in chain)
