from __future__ import annotations

import numpy as np
import pytest

from mmdymu import BranchingTree
from mmdymu.search.renaming import rename_nodes


@pytest.mark.parametrize(("tasks", "layers"), [(1, 2), (2, 3), (4, 3)])
def test_never_worse_and_shared_alike(tasks: int, layers: int) -> None:
    rng = np.random.default_rng(0)
    weighted = rng.random((tasks,) * (layers + 1))

    def loss(paths: np.ndarray) -> float:
        return sum(weighted[(j, *path)] for j, path in enumerate(paths.tolist()))

    better = 0
    for _ in range(5):
        parents = tuple(map(tuple, rng.integers(tasks, size=(layers, tasks)).tolist()))
        before = np.array(BranchingTree(parents).paths)
        after = rename_nodes(weighted, before)
        assert loss(after) <= loss(before)
        better += loss(after) < loss(before)
        BranchingTree.from_paths(after.tolist())  # still a tree
        for old, new in zip(before.T, after.T, strict=True):
            assert ((old[:, None] == old) == (new[:, None] == new)).all()
        # No exchange of two names of a layer is better still.
        for layer in range(layers):
            for a in range(tasks):
                for b in range(a):
                    names = np.arange(tasks)
                    names[[a, b]] = [b, a]
                    other = after.copy()
                    other[:, layer] = names[after[:, layer]]
                    assert loss(other) >= loss(after) - 1e-9
    assert better or tasks == 1
