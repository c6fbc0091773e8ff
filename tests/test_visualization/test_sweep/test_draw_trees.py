from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from figure_checks import shown_texts

from mmdymu.tree import BranchingTree
from mmdymu.visualization.sweep import SweepRecord, draw_trees
from mmdymu.visualization.sweep.trees import COLOURS, chosen_trees, edge_loads, node_loads

#: Tasks 0 and 1 share the first two layers, task 2 the first one with them.
TREE = BranchingTree.from_paths([[1, 1, 0], [1, 1, 1], [1, 2, 2]])


def test_loads_count_the_tasks_of_a_node() -> None:
    loads = node_loads(TREE)
    assert loads == {(0, 1): 3, (1, 1): 2, (2, 0): 1, (2, 1): 1, (1, 2): 1, (2, 2): 1}
    assert {layer: {s for la, s in loads if la == layer} for layer in range(3)} == {
        layer: set(nodes) for layer, nodes in enumerate(TREE.used_nodes)
    }


def test_edges_end_in_heads() -> None:
    edges = edge_loads(TREE)
    assert edges[0, 1, 1] == 2
    assert edges[0, 1, 2] == 1
    assert {edge[1:] for edge in edges if edge[0] == 2} == {(0, 0), (1, 1), (2, 2)}
    assert all(count == 3 for count in _by_layer(edges).values())


def test_numbers_of_tasks_stand_in_the_nodes(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3)
    view = replace(sweep.summary.trees[0], tree=TREE)
    figure = draw_trees(replace(sweep, summary=replace(sweep.summary, trees=(view,))))
    axes = figure.axes[0]
    assert Counter(text.get_text() for text in axes.texts) == {"3": 1, "2": 1, "1": 4}
    assert {(text.get_position(), text.get_text()) for text in axes.texts} == {
        ((stream, layer), str(load)) for (layer, stream), load in node_loads(TREE).items()
    }
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == list(sweep.tasks)
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["image", "layer 0", "layer 1", "layer 2", "heads"]
    assert axes.get_xlabel().startswith("uniform, c = 0\nr = (0.33, 0.33, 0.33)\nshare ")
    assert axes.get_xlabel().endswith(" GFLOPs")


@pytest.mark.parametrize(("num_tasks", "names", "panels"), [(2, 3, 6), (5, 4, 8), (20, 2, 4)])
def test_the_number_of_trees_is_limited(
    sweep_of: Callable[..., SweepRecord], num_tasks: int, names: int, panels: int
) -> None:
    sweep = sweep_of(num_tasks)
    rows = chosen_trees(sweep.summary.trees)
    assert len({tree.name for row in rows for tree in row}) == names
    assert rows[0][0].name == "uniform"
    assert {0.0, 1.0} <= {tree.cost_weight for row in rows for tree in row}
    assert sum(map(len, rows)) == panels
    texts = [text for text, _ in shown_texts(draw_trees(sweep))]
    assert sum("GFLOPs" in text for text in texts) == panels


def test_a_shared_node_is_darker() -> None:
    lightness = [sum(COLOURS(value)[:3]) for value in (0.0, 0.5, 1.0)]
    assert lightness == sorted(lightness, reverse=True)


def _by_layer(edges: Counter[tuple[int, int, int]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for (layer, _, _), count in edges.items():
        total[layer] += count
    return total
