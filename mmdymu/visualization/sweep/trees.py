"""Trees of chosen preferences as graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from mmdymu.tree import BranchingTree

from .record import SweepRecord
from .style import MissingPartError, cost_label, evenly_chosen, new_figure, number, panel_grid, plain, task_labels
from .summary import TreeView

__all__ = ["chosen_trees", "draw_trees", "edge_loads", "node_loads"]

PREFERENCES = 4
COST_WEIGHTS = 3
WIDTH = 10.5
"""Of the figure, in inches."""

WIDE_TASKS = 9
"""With more tasks a tree takes a line of its own, and there are only ``WIDE_PREFERENCES`` at two cost weights."""

WIDE_PREFERENCES = 2

MANY_TASKS = 5
"""With more tasks a caption names only the largest weights."""

COLOURS = colormaps["cividis_r"]
"""The more tasks share a node, the darker it is."""


def node_loads(tree: BranchingTree) -> Counter[tuple[int, int]]:
    """Count the tasks that every used node serves, by (layer, stream)."""
    return Counter((layer, stream) for path in tree.paths for layer, stream in enumerate(path))


def edge_loads(tree: BranchingTree) -> Counter[tuple[int, int, int]]:
    """Count the tasks on every used edge, by (layer, stream there, stream or head above)."""
    return Counter(
        (layer, lower, upper)
        for task, path in enumerate(tree.paths)
        for layer, (lower, upper) in enumerate(pairwise([*path, task]))
    )


def chosen_trees(trees: Sequence[TreeView]) -> list[list[TreeView]]:
    """Choose which trees are drawn.

    Args:
        trees: All trees of the summary.

    Returns:
        One row per name, in it by cost weight, the smallest and the largest among them; one row per tree if there
        are many tasks.
    """
    wide = bool(trees) and len(trees[0].weights) > WIDE_TASKS
    rows = []
    for name in list(dict.fromkeys(tree.name for tree in trees))[: WIDE_PREFERENCES if wide else PREFERENCES]:
        row = sorted((tree for tree in trees if tree.name == name), key=lambda tree: tree.cost_weight)
        rows.append([row[i] for i in evenly_chosen(len(row), 2 if wide else COST_WEIGHTS)])
    return [[tree] for row in rows for tree in row] if wide else rows


def draw_trees(sweep: SweepRecord) -> Figure:
    """Draw trees as graphs: image at the bottom, layers as rows, streams as columns, heads on top.

    A used node has the number of tasks that it serves; a node that does not run is a small hollow circle.

    Args:
        sweep: A finished sweep.

    Returns:
        The figure.

    Raises:
        MissingPartError: If the summary has no trees.
    """
    rows = chosen_trees(sweep.summary.trees)
    if not rows:
        raise MissingPartError("the summary has no trees")
    num_tasks, num_layers = len(sweep.tasks), rows[0][0].tree.num_layers
    columns, labels = max(map(len, rows)), task_labels(sweep.tasks)
    width = min(WIDTH, max(3.4, 0.4 * num_tasks + 1.4) * columns)
    longest = max(map(len, labels))
    upright = longest * 0.075 > (width / columns - 0.8) / num_tasks
    # Edges to many heads need height, or they would look level.
    height = (0.25 + 0.01 * num_tasks) * (num_layers + 2) + 1.0 + (0.07 * longest if upright else 0)
    figure = new_figure(width, height * len(rows) + 0.8)
    panels = iter(panel_grid(figure, len(rows) * columns, columns))
    for row in rows:
        for column in range(columns):
            axes = next(panels)
            if column >= len(row):
                axes.remove()
                continue
            _draw_tree(axes, row[column].tree)
            _draw_names(axes, labels, num_layers, upright)
            axes.set_xlabel(_caption(row[column], sweep.tasks, labels), fontsize="small")
    _draw_scale(figure, num_tasks)
    return figure


def _draw_tree(axes: Axes, tree: BranchingTree) -> None:
    nodes, top = node_loads(tree), tree.num_layers
    middle = (tree.num_tasks - 1) / 2
    for (layer, lower, upper), load in edge_loads(tree).items():
        axes.plot([lower, upper], [layer, layer + 1], color="0.35", linewidth=_line_width(load, tree), zorder=1)
    for (layer, stream), load in nodes.items():
        if layer == 0:
            axes.plot([middle, stream], [-1, 0], color="0.35", linewidth=_line_width(load, tree), zorder=1)
    idle = [(s, la) for la in range(top) for s in range(tree.num_tasks) if (la, s) not in nodes]
    if idle:
        x, y = np.array(idle).T
        axes.scatter(x, y, s=14, facecolor="white", edgecolor="0.7", linewidth=0.7, zorder=2)
    scale = Normalize(1, max(tree.num_tasks, 2))
    for (layer, stream), load in nodes.items():
        colour = COLOURS(scale(load))
        axes.scatter(stream, layer, s=150, color=[colour], edgecolor="black", linewidth=0.6, zorder=3)
        ink = "white" if _lightness(colour) < 0.5 else "black"
        axes.text(stream, layer, str(load), color=ink, fontsize=7.5, ha="center", va="center_baseline", zorder=4)
    axes.scatter(middle, -1, s=90, marker="s", color="white", edgecolor="black", zorder=3)
    axes.scatter(range(tree.num_tasks), [top] * tree.num_tasks, s=60, marker="^", color="black", zorder=3)


def _draw_names(axes: Axes, labels: Sequence[str], num_layers: int, upright: bool) -> None:
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_ylim(-1.6, num_layers + 0.6)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("bottom")
    axes.set_xticks(range(len(labels)), labels, rotation=90 if upright else 0, fontsize="small")
    rows = ["image", *(f"layer {layer}" for layer in range(num_layers)), "heads"]
    axes.set_yticks(range(-1, num_layers + 1), rows, fontsize="small")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _caption(view: TreeView, tasks: Sequence[str], labels: Sequence[str]) -> str:
    name = plain(view.name)
    for task, label in zip(tasks, labels, strict=True):
        name = name.replace(plain(task), label)
    order = np.argsort(view.weights)[::-1]
    if len(labels) > MANY_TASKS:
        weights = f"largest weight {max(view.weights):.2f} ({labels[order[0]]}), smallest {min(view.weights):.2f}"
    else:
        weights = "r = (" + ", ".join(f"{weight:.2f}" for weight in view.weights) + ")"
    cost = f"share {number(view.share, 2)}, {number(view.flops / 1e9)} GFLOPs"
    return f"{name}, {cost_label(view.cost_weight)}\n{weights}\n{cost}"


def _draw_scale(figure: Figure, num_tasks: int) -> None:
    colours = ScalarMappable(Normalize(1, max(num_tasks, 2)), COLOURS)
    bar = figure.colorbar(colours, ax=figure.axes, location="bottom", aspect=40, fraction=0.03, shrink=0.5, pad=0.02)
    bar.set_ticks(sorted({1, round((1 + num_tasks) / 2), num_tasks}))
    bar.set_label("tasks that a node serves (its number); small hollow circles do not run", fontsize="small")
    bar.ax.tick_params(labelsize="small")


def _line_width(load: int, tree: BranchingTree) -> float:
    return 0.8 + 2.2 * (load - 1) / max(tree.num_tasks - 1, 1)


def _lightness(colour: Sequence[float]) -> float:
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
