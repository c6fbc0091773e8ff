"""Which node feeds which: a tree over the nodes of the anchor net. A value, without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .tree_text import draw_paths

__all__ = ["BranchingTree"]


@dataclass(frozen=True, eq=False)
class BranchingTree:
    """One parent for every node and head.

    Nodes without a path to a head do not run; two trees that differ only there are equal.

    Attributes:
        parents: L tuples of N ints; ``parents[l][j]`` is the stream whose node at layer l feeds node
            (l + 1, j). Layer L are the heads; all nodes at layer 0 read the image.
    """

    parents: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        """Validate and turn sequences into tuples."""
        rows = _rows("parents", self.parents)
        table = tuple(tuple(_check_int("parents", item) for item in row) for row in rows)
        width = len(table[0])
        if width == 0 or any(len(row) != width for row in table):
            raise ValueError(f"parents must have one entry per task in every layer, got {self.parents!r}")
        if any(not 0 <= item < width for row in table for item in row):
            raise ValueError(f"parents must lie in 0..{width - 1} for {width} tasks, got {self.parents!r}")
        object.__setattr__(self, "parents", table)

    @classmethod
    def separate(cls, num_tasks: int, num_layers: int) -> BranchingTree:
        """Every task on its own stream: the anchor net itself.

        Args:
            num_tasks: N.
            num_layers: L.

        Returns:
            The tree of N full streams.
        """
        return cls.heuristic(num_tasks, num_layers, 0, 0)

    @classmethod
    def shared(cls, num_tasks: int, num_layers: int, stream: int) -> BranchingTree:
        """All tasks on one stream.

        Args:
            num_tasks: N.
            num_layers: L.
            stream: Index of the shared stream.

        Returns:
            The tree of one trunk.
        """
        return cls.heuristic(num_tasks, num_layers, stream, num_layers)

    @classmethod
    def heuristic(cls, num_tasks: int, num_layers: int, trunk: int, branch_layer: int) -> BranchingTree:
        """One trunk up to a common depth, own streams from there on.

        Args:
            num_tasks: N.
            num_layers: L.
            trunk: Stream that all tasks share in the layers before ``branch_layer``.
            branch_layer: First layer in which every task has its own node, 0..L.

        Returns:
            The tree.
        """
        _check_range("num_tasks", num_tasks, 1, None)
        _check_range("num_layers", num_layers, 1, None)
        _check_range("trunk" if branch_layer < num_layers else "stream", trunk, 0, num_tasks - 1)
        _check_range("branch_layer", branch_layer, 0, num_layers)
        together, apart = (trunk,) * num_tasks, tuple(range(num_tasks))
        return cls((together,) * branch_layer + (apart,) * (num_layers - branch_layer))

    @classmethod
    def from_logits(cls, logits: Any) -> BranchingTree:
        """The most likely parent everywhere; ties give the lowest index.

        Args:
            logits: (L, N, N) = (layer, child, parent), logits or probabilities; nested lists, array or
                tensor.

        Returns:
            The tree of the most likely parents.
        """
        try:
            values = np.asarray(logits.tolist() if hasattr(logits, "tolist") else logits, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"logits must be numbers of shape (L, N, N), got {logits!r}") from error
        if values.ndim != 3 or values.shape[1] != values.shape[2] or 0 in values.shape:
            raise ValueError(f"logits must have the shape (L, N, N), got {values.shape}")
        if np.isnan(values).any():
            raise ValueError("logits must not contain NaN")
        return cls(tuple(map(tuple, values.argmax(axis=-1).tolist())))

    @classmethod
    def from_paths(cls, paths: Sequence[Sequence[int]]) -> BranchingTree:
        """Build the tree in which every task takes a given path.

        Args:
            paths: Per task the streams (i_0, ..., i_{L-1}) of its nodes; tasks that meet in a node share all
                nodes before it.

        Returns:
            The tree; nodes that no path uses keep to their own stream.
        """
        rows = _rows("paths", paths)
        table = [list(range(len(rows))) for _ in rows[0]]
        for task, path in enumerate(rows):
            if not path or len(path) != len(table) or any(node not in range(len(rows)) for node in path):
                raise ValueError(f"paths must be {len(rows)} equally long rows of streams, got {paths!r}")
            for row, child, parent in zip(table, (*path[1:], task), path, strict=True):
                row[child] = parent
        tree = cls(tuple(map(tuple, table)))
        if tree.paths != tuple(rows):
            raise ValueError(f"paths that meet in a node must share all nodes before it, got {paths!r}")
        return tree

    @property
    def num_tasks(self) -> int:
        """N, the number of tasks and streams."""
        return len(self.parents[0])

    @property
    def num_layers(self) -> int:
        """L, the number of layers below the heads."""
        return len(self.parents)

    @cached_property
    def paths(self) -> tuple[tuple[int, ...], ...]:
        """Per task the streams (i_0, ..., i_{L-1}) of its nodes, from the image to the head."""
        return tuple(self._path(task) for task in range(self.num_tasks))

    @cached_property
    def used_nodes(self) -> tuple[tuple[int, ...], ...]:
        """Per layer the sorted streams whose node runs."""
        return tuple(tuple(sorted(set(layer))) for layer in zip(*self.paths, strict=True))

    @property
    def num_used(self) -> int:
        """Number of nodes that run."""
        return sum(map(len, self.used_nodes))

    def cost(self, node_costs: Sequence[Sequence[float]]) -> float:
        """Add up the costs of the used nodes.

        Args:
            node_costs: (L, N), what each node costs (say, multiply-adds); finite and non-negative.

        Returns:
            Their sum over the used nodes, in the same unit.
        """
        costs = self._check_costs(node_costs)
        return math.fsum(costs[layer][node] for layer, nodes in enumerate(self.used_nodes) for node in nodes)

    def share(self, node_costs: Sequence[Sequence[float]]) -> float:
        """Compute the controllable share: 0 for one trunk, 1 for separate streams (heads are outside it).

        Args:
            node_costs: (L, N), what each node costs. One trunk counts as the mean over the streams.

        Returns:
            (F / F of one trunk - 1) / (N - 1) with F the cost of the used nodes; 0 for one task.
        """
        costs = self._check_costs(node_costs)
        trunk = math.fsum(math.fsum(row) for row in costs) / self.num_tasks
        if trunk <= 0:
            raise ValueError("node_costs must not be all zero")
        return (self.cost(costs) / trunk - 1.0) / (self.num_tasks - 1) if self.num_tasks > 1 else 0.0

    def to_edges(self) -> list[list[list[float]]]:
        """Give the decisions as one-hot rows.

        Returns:
            Nested lists (L, N, N) = (layer, child, parent).
        """
        eye = np.eye(self.num_tasks).tolist()
        return [[list(eye[parent]) for parent in row] for row in self.parents]

    def draw(self, tasks: Sequence[str]) -> str:
        """Draw the tree as text, like layers on one line: ``layers 0-2 | [depth] depth + normals``.

        Args:
            tasks: N task names; a node is called after the task of its stream.

        Returns:
            One line per change of the tree, with the node in brackets and the tasks that run through it.
        """
        if len(tasks) != self.num_tasks:
            raise ValueError(f"tasks must name the {self.num_tasks} tasks of the tree, got {list(tasks)}")
        return draw_paths(self.paths, tasks)

    def __eq__(self, other: object) -> bool:
        """Compare what runs: the paths of the heads."""
        return self.paths == other.paths if isinstance(other, BranchingTree) else NotImplemented

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self.paths)

    def _path(self, task: int) -> tuple[int, ...]:
        nodes = [task]
        for row in reversed(self.parents):
            nodes.append(row[nodes[-1]])
        return tuple(reversed(nodes[1:]))

    def _check_costs(self, node_costs: Sequence[Sequence[float]]) -> list[list[float]]:
        try:
            rows = [row.tolist() if hasattr(row, "tolist") else list(row) for row in node_costs]
            costs = np.asarray(rows, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"node_costs must be numbers of shape (L, N), got {node_costs!r}") from error
        expected = (self.num_layers, self.num_tasks)
        if costs.shape != expected or not np.isfinite(costs).all() or (costs < 0).any():
            raise ValueError(f"node_costs must be {expected} finite non-negative numbers, got {node_costs!r}")
        return costs.tolist()


def _rows(name: str, table: Any) -> list[tuple[Any, ...]]:
    try:
        rows = [tuple(row) for row in table]
    except TypeError as error:
        raise ValueError(f"{name} must be L rows of N integers, got {table!r}") from error
    if not rows:
        raise ValueError(f"{name} must have at least one layer, got {table!r}")
    return rows


def _check_int(name: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ValueError(f"{name} must hold integers, got {value!r}")
    return value.__index__()


def _check_range(name: str, value: Any, low: int, high: int | None) -> None:
    number = _check_int(name, value)
    if number < low or (high is not None and number > high):
        allowed = f"at least {low}" if high is None else f"in {low}..{high}"
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
