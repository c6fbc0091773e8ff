"""Groups of tasks that share a layer's node: what they cost in expectation, as BMTAS sees it, and the tree they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmdymu.models.losses.functional import check_edge_probs
from mmdymu.tree import BranchingTree

__all__ = [
    "MAX_GROUPED_TASKS",
    "expected_groups",
    "expected_resource",
    "grouping_probs",
    "set_partitions",
    "tree_of_copies",
]

MAX_GROUPED_TASKS = 7
"""Up to here all ways to group tasks are listed: 877 for 7 tasks, 4140 for 8."""


@lru_cache
def set_partitions(num_tasks: int) -> tuple[tuple[int, ...], ...]:
    """List all ways to group tasks.

    Args:
        num_tasks: N.

    Returns:
        Per way the number of each task's group, counted from 0 in the order of the groups' first tasks. The first has
        all tasks together, the last each alone.

    Raises:
        ValueError: If N is not in 1..7: the number of ways explodes.
    """
    if not 1 <= num_tasks <= MAX_GROUPED_TASKS:
        raise ValueError(
            f"{num_tasks} tasks: all ways to group them are listed for 1 to {MAX_GROUPED_TASKS} tasks only; search "
            "static trees of more tasks with LTBObjective"
        )
    ways: list[tuple[int, ...]] = [(0,)]
    for _ in range(num_tasks - 1):
        ways = [(*way, group) for way in ways for group in range(max(way) + 2)]
    return tuple(ways)


def expected_resource(choice_probs: Tensor, layer_costs: Tensor, *, exact: bool = False) -> Tensor:
    """Compute the expected cost of the tree that tasks form, R of BMTAS; see :func:`grouping_probs`.

    Args:
        choice_probs: (..., L, N, N) = (layer, task, copy), rows sum to 1.
        layer_costs: (L,), what a node of each layer costs, non-negative.
        exact: As in :func:`grouping_probs`.

    Returns:
        (...,): Σ_l layer_costs[l] · E[number of groups in layer l], differentiable, in the unit of the costs; between
        one and N trunks.

    Raises:
        ValueError: As :func:`grouping_probs`, and if the costs do not fit.
    """
    groups = expected_groups(choice_probs, exact=exact)
    costs = torch.as_tensor(layer_costs).to(groups)
    if costs.shape != groups.shape[-1:] or not bool((costs >= 0).all() and torch.isfinite(costs).all()):
        raise ValueError(
            f"layer_costs must be ({groups.shape[-1]},) finite non-negative numbers, one a layer, got {layer_costs}"
        )
    return (groups * costs).sum(dim=-1)


def expected_groups(choice_probs: Tensor, *, exact: bool = False) -> Tensor:
    """Compute the expected number of nodes that run in each layer.

    Args:
        choice_probs: As in :func:`grouping_probs`.
        exact: As in :func:`grouping_probs`.

    Returns:
        (..., L) in [1, N].
    """
    probs = grouping_probs(choice_probs, exact=exact)
    return (probs @ _lattice(choice_probs.shape[-1]).sizes.to(probs)).to(choice_probs.dtype)


def grouping_probs(choice_probs: Tensor, *, exact: bool = False) -> Tensor:
    """Compute the probabilities of all ways in which tasks share the nodes of each layer.

    In every layer every task draws one of N copies, independently. Tasks that drew one copy form the layer's *own*
    grouping η_l. Since a tree never joins what it has parted, a layer's grouping κ_l also depends on the layers before:

    * Exactly, κ_l is the intersection of κ_{l-1} and η_l, which is also what the decoding makes of the most likely
      copies. Then P(κ_l is κ or coarser) = Π_{m ≤ l} P(η_m is κ or coarser), which determines κ_l's distribution.
    * BMTAS's recursion: p_l(κ) = P(η_l = κ) · Σ_{κ' ≥ κ} p_{l-1}(κ') with κ' ≥ κ for "equal or coarser", and
      p_0(κ) = P(η_0 = κ), for all κ but the one with every task alone, which gets the rest. That is the exact law of
      another rule: the layer takes η_l where it refines κ_{l-1}, else all tasks part.

    The two rules differ where η_l does not refine κ_{l-1} and yet leaves some tasks of a group together: from
    κ_{l-1} = {1, 2}, {3}, η_l = {1, 2, 3} keeps {1, 2} together, but for BMTAS they all part. So each κ with shared
    nodes has at most its exact probability, and R is an upper bound of the expected cost. Both agree for up to two
    tasks, in the first layer, and where such steps have no probability, as with one-hot choices that branch like a
    tree.

    Source: Brüggemann et al. (BMVC 2020), resource loss; the exact law is ours.

    Args:
        choice_probs: (..., L, N, N) = (layer, task, copy), rows sum to 1; layer 0 reads the image.
        exact: Take the exact law in place of BMTAS's recursion.

    Returns:
        (..., L, K) in float64, in the order of the K :func:`set_partitions`; rows sum to 1.

    Raises:
        ValueError: If ``choice_probs`` is malformed or for more than 7 tasks.
    """
    check_edge_probs(choice_probs)
    lattice = _lattice(choice_probs.shape[-1])
    together = _agreement(choice_probs.double(), lattice.blocks)
    coarser, inversion = lattice.coarser.to(together), lattice.inversion.to(together)
    if exact:
        return together.cumprod(dim=-2) @ inversion.T
    own = (together @ inversion.T).unbind(dim=-2)
    layers = [own[0]]
    for probs in own[1:]:
        shared = (probs * (layers[-1] @ coarser.T))[..., :-1]
        layers.append(torch.cat([shared, 1 - shared.sum(dim=-1, keepdim=True)], dim=-1))
    return torch.stack(layers, dim=-2)


def tree_of_copies(copies: Sequence[Sequence[int]]) -> BranchingTree:
    """Make a tree of the copies that tasks choose: tasks share a layer if they agree there and in all layers before.

    Args:
        copies: Per layer, from the image on, the number of the copy that each task chooses.

    Returns:
        The tree. A group runs on the stream of its first task: intersecting may leave several groups on one copy.

    Raises:
        ValueError: If the rows are not equally long.
    """
    if not copies or any(len(row) != len(copies[0]) for row in copies):
        raise ValueError(f"copies must be rows of one copy for every task, one row a layer, got {copies!r}")
    ways = list(zip(*copies, strict=True))
    depths = range(1, len(copies) + 1)
    return BranchingTree.from_paths([[_first_like(ways, way, depth) for depth in depths] for way in ways])


def _first_like(ways: Sequence[tuple[int, ...]], way: tuple[int, ...], depth: int) -> int:
    """The first task whose copies agree with a task's in so many layers."""
    return next(task for task, other in enumerate(ways) if other[:depth] == way[:depth])


class _Lattice(NamedTuple):
    """The K set partitions of N tasks.

    Attributes:
        sizes: (K,) numbers of groups.
        blocks: (K, N) groups as bit sets of tasks, 0 where there is none.
        coarser: (K, K), 1 where the second is equal to the first or coarser.
        inversion: Its inverse.
    """

    sizes: Tensor
    blocks: Tensor
    coarser: Tensor
    inversion: Tensor


@lru_cache
def _lattice(num_tasks: int) -> _Lattice:
    ways = np.array(set_partitions(num_tasks))
    bits = 2 ** np.arange(num_tasks)
    blocks = np.stack([((ways == group) * bits).sum(axis=1) for group in range(num_tasks)], axis=1)
    pairs = list(combinations(range(num_tasks), 2))
    joined = np.array([[way[a] == way[b] for a, b in pairs] for way in ways], dtype=bool).reshape(len(ways), -1)
    coarser = ~(joined[:, None] & ~joined[None]).any(axis=-1)
    # The inverse has whole numbers (the Moebius function of the lattice), at most (N - 1)! in size.
    inversion = np.linalg.inv(coarser.astype(np.float64)).round()
    return _Lattice(
        torch.from_numpy(ways.max(axis=1) + 1.0),
        torch.from_numpy(blocks),
        torch.from_numpy(coarser.astype(np.float64)),
        torch.from_numpy(inversion),
    )


def _agreement(probs: Tensor, blocks: Tensor) -> Tensor:
    """(..., L, K) probabilities that the tasks of each block agree on a copy, for all blocks of a way to group them."""
    # chosen[..., S, i]: all tasks of the set S choose copy i; built by adding one task at a time, S as a bit set.
    chosen = torch.ones_like(probs[..., :1, :])
    for task in probs.unbind(dim=-2):
        chosen = torch.cat([chosen, chosen * task.unsqueeze(-2)], dim=-2)
    agreed = chosen.sum(dim=-1)
    agreed = torch.cat([torch.ones_like(agreed[..., :1]), agreed[..., 1:]], dim=-1)
    return agreed[..., blocks.to(agreed.device)].prod(dim=-1)
