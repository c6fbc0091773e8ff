"""The exact Pareto front: for every way to share layers, the best nodes by branch and bound."""

from __future__ import annotations

import logging
import math
from itertools import permutations

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from mmdymu.tree import BranchingTree

from .chains import Block, Chain, chains, restrict
from .solution import Solution

__all__ = ["exact_front"]

_BEAM = 32
# States of one layer that are kept; only more would make the search inexact, with a warning.
_MAX_STATES = 400_000
_CHUNK = 1_000_000
_TOLERANCE = 1e-12


def exact_front(weighted: NDArray[np.float64], layer_shares: NDArray[np.float64], max_share: float) -> list[Solution]:
    """Solve the chains from the cheapest on, each only if its bound is less than the best so far.

    Args:
        weighted: Path table of L + 1 axes, times the weights.
        layer_shares: (L,), what one more node in a layer adds to the share; sum 1 / (N - 1).
        max_share: Leaves out trees with more.

    Returns:
        Solutions with rising share and falling loss; not exact where there were too many states to keep.
    """
    placement = _Placement(weighted)
    everyone = tuple(range(len(weighted)))
    listed = []
    for chain in chains(everyone, len(layer_shares)):
        extra = [len(partition) - 1 for partition in chain]
        share = round(float(layer_shares @ extra), 12)
        if share <= max_share:
            listed.append((share, placement.bound(chain), chain))
    front: list[Solution] = []
    best = math.inf
    for share, bound, chain in sorted(listed):
        if bound >= best - _TOLERANCE * (1 + abs(bound)):
            continue
        found = placement.solve(chain, bound, best)
        if found is None:
            continue
        best, tree = found
        if front and front[-1].share == share:
            front.pop()
        front.append(Solution(share, best, tree))
    return [solution._replace(exact=not placement.truncated) for solution in front]


class _Placement:
    """Puts the blocks of a chain on nodes; blocks of one layer on different nodes."""

    def __init__(self, weighted: NDArray[np.float64]) -> None:
        self.truncated = False
        self._weighted = weighted
        self._num_tasks = len(weighted)
        self._num_layers = weighted.ndim - 1
        self._bounds: dict[tuple[Block, Chain], NDArray[np.float64]] = {}
        self._choices = {
            count: np.array(list(permutations(range(self._num_tasks), count)), dtype=np.int64)
            for count in range(1, self._num_tasks + 1)
        }

    def bound(self, chain: Chain) -> float:
        """The least loss of the chain if blocks could use the same node without sharing it."""
        return float(sum(self._block_bound(block, restrict(chain[1:], block)).min() for block in chain[0]))

    def solve(self, chain: Chain, bound: float, below: float) -> tuple[float, BranchingTree] | None:
        """The chain's best tree, if its loss is less than ``below``."""
        # A narrow beam often meets the bound already, and if not, its result prunes the full search.
        found = self._search(chain, below, _BEAM)
        if found is not None and found[0] > bound + _TOLERANCE * (1 + abs(bound)):
            found = self._search(chain, found[0], _MAX_STATES) or found
        elif found is None:
            found = self._search(chain, below, _MAX_STATES)
        if found is None:
            return None
        loss, nodes = found
        by_task = {task: path for block, path in zip(chain[-1], nodes, strict=True) for task in block}
        shape = (self._num_tasks,) * self._num_layers
        paths = [np.unravel_index(by_task[task], shape) for task in range(self._num_tasks)]
        return loss, BranchingTree.from_paths([[int(node) for node in path] for path in paths])

    def _block_bound(self, block: Block, above: Chain) -> NDArray[np.float64]:
        """Per path up to the block's node, flat: the least loss of its tasks in the layers ``above``."""
        key = (block, above)
        if key not in self._bounds:
            if not above:
                self._bounds[key] = self._weighted[list(block)].sum(axis=0).ravel()
            else:
                parts = [self._block_bound(part, restrict(above[1:], part)) for part in above[0]]
                self._bounds[key] = np.sum([part.reshape(-1, self._num_tasks).min(axis=1) for part in parts], axis=0)
        return self._bounds[key]

    def _search(self, chain: Chain, below: float, width: int) -> tuple[float, NDArray[np.int64]] | None:
        """Layer by layer, the states whose bound is less than ``below``, at most ``width`` of them.

        A state is the flat path index of every block.
        """
        states = np.zeros((1, 1), dtype=np.int64)
        previous: tuple[Block, ...] = (tuple(range(self._num_tasks)),)
        losses = np.zeros(1)
        for layer, partition in enumerate(chain):
            bounds = [self._block_bound(block, restrict(chain[layer + 1 :], block)) for block in partition]
            origin = [next(i for i, parent in enumerate(previous) if block[0] in parent) for block in partition]
            states, losses = self._expand(states[:, origin], bounds, below)
            if len(losses) > width:
                if width == _MAX_STATES:
                    self.truncated = True
                    print_log(f"tree search keeps {width} of {len(losses)} states", "current", logging.WARNING)
                kept = np.argpartition(losses, width)[:width]
                states, losses = states[kept], losses[kept]
            if not len(losses):
                return None
            previous = partition
        winner = int(losses.argmin())
        return float(losses[winner]), states[winner]

    def _expand(
        self, states: NDArray[np.int64], bounds: list[NDArray[np.float64]], below: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        choices = self._choices[len(bounds)]
        kept_states, kept_losses = [], []
        step = max(_CHUNK // choices.size, 1)
        for start in range(0, len(states), step):
            grown = states[start : start + step, None, :] * self._num_tasks + choices
            grown = grown.reshape(-1, len(bounds))
            losses = np.sum([bound[grown[:, i]] for i, bound in enumerate(bounds)], axis=0)
            promising = losses < below - _TOLERANCE
            kept_states.append(grown[promising])
            kept_losses.append(losses[promising])
        return np.concatenate(kept_states), np.concatenate(kept_losses)
