"""Resource use over the simplex of three tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.tri import Triangulation

from .record import SweepRecord
from .style import MissingPartError, cost_label, evenly_chosen, new_figure, panel_grid, task_labels

__all__ = ["CORNERS", "COST_WEIGHTS", "draw_simplex", "to_plane", "to_weights"]

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(3) / 2]])
"""Where a preference for one task only lies."""

COST_WEIGHTS = 6
"""Triangles; the smallest and the largest cost weight are among them."""

COLUMNS = 3
LABEL_SPACE = 0.13
"""Between the numbers of contour lines, and half of it to the edge, as a part of the triangle's side."""

LEVELS = 11
"""Steps of the colour scale; every second one has a line with its number."""


def to_plane(weights: np.ndarray) -> np.ndarray:
    """Turn preferences into points of an equilateral triangle with sides of 1.

    Args:
        weights: (K, 3), rows with sum 1.

    Returns:
        (K, 2), the weighted means of the ``CORNERS``.
    """
    return np.asarray(weights) @ CORNERS


def draw_simplex(sweep: SweepRecord) -> Figure:
    """Draw the controllable share as contours, one triangle per cost weight.

    Args:
        sweep: A finished sweep of three tasks.

    Returns:
        The figure.

    Raises:
        MissingPartError: If there are not three tasks, or the summary has no grid over their simplex.
    """
    grid = sweep.summary.simplex
    if len(sweep.tasks) != 3:
        raise MissingPartError(f"the simplex can be drawn for 3 tasks only, the sweep has {len(sweep.tasks)}")
    if grid is None or len(grid.weights) < 3:
        raise MissingPartError("the summary has no grid over the simplex")
    shown = evenly_chosen(len(grid.cost_weights), COST_WEIGHTS)
    shares = np.array(grid.share)[shown]
    if not np.isfinite(shares).any():
        raise MissingPartError("no share on the grid over the simplex is known")
    levels = np.linspace(0, max(1.0, np.nanmax(shares)), LEVELS)
    # A plateau at the last level, or above it by rounding, would not be filled.
    levels[-1] += 1e-6
    columns = min(COLUMNS, len(shown))
    figure = new_figure(max(3.1 * columns, 4.5) + 1, 3.7 * -(-len(shown) // columns))
    panels = panel_grid(figure, len(shown), columns)
    for axes, place, share in zip(panels, shown, shares, strict=True):
        contours = _draw_triangle(axes, np.array(grid.weights), share, levels)
        _draw_frame(axes, task_labels(sweep.tasks))
        axes.set_title(cost_label(grid.cost_weights[place]), fontsize="medium", pad=34)
    bar = figure.colorbar(contours, ax=panels, shrink=0.8, aspect=25, ticks=levels[::2])
    bar.set_label("controllable share s (0 = one trunk, 1 = all separate)", fontsize="small")
    bar.ax.tick_params(labelsize="small")
    return figure


def _draw_triangle(axes: Axes, weights: np.ndarray, share: np.ndarray, levels: np.ndarray) -> Any:
    triangles = Triangulation(*to_plane(weights).T)
    triangles.set_mask(~np.isfinite(share)[triangles.triangles].all(axis=1))
    values = np.nan_to_num(share)
    contours = axes.tricontourf(triangles, values, levels=levels, cmap="cividis")
    inside = [level for level in levels[2:-1:2] if np.nanmin(share) < level < np.nanmax(share)]
    if inside:
        ink = ["white" if level < levels[-1] / 2 else "black" for level in inside]
        lines = axes.tricontour(triangles, values, levels=inside, colors=ink, linewidths=0.9)
        # Not inline: a number that is dropped would leave a gap in its line.
        for number in _drop_crowded(axes.clabel(lines, fmt="%.1f", fontsize=7, inline=False)):
            halo = "0.85" if np.mean(to_rgb(number.get_color())) < 0.5 else "0.25"
            number.set_path_effects([withStroke(linewidth=2, foreground=halo)])
    return contours


def to_weights(points: np.ndarray) -> np.ndarray:
    """Undo :func:`to_plane`.

    Args:
        points: (K, 2) points of the plane.

    Returns:
        (K, 3), rows with sum 1; negative outside the triangle.
    """
    inner = (np.asarray(points) - CORNERS[0]) @ np.linalg.inv(CORNERS[1:] - CORNERS[0])
    return np.column_stack([1 - inner.sum(axis=1), inner])


def _drop_crowded(labels: Sequence[Text]) -> list[Text]:
    """Remove numbers that would lie on others or across the triangle's edge; return those that are left."""
    kept: list[Text] = []
    for label in labels:
        place = np.array(label.get_position())
        near = any(np.linalg.norm(place - other.get_position()) < LABEL_SPACE for other in kept)
        if near or to_weights(place[None]).min() < LABEL_SPACE / 2:
            label.remove()
        else:
            kept.append(label)
    return kept


def _draw_frame(axes: Axes, tasks: list[str]) -> None:
    axes.plot(*CORNERS[[0, 1, 2, 0]].T, color="black", linewidth=1)
    for fraction in (0.25, 0.5, 0.75):
        for j in range(3):
            ends = np.full((2, 3), 0.0)
            ends[:, j] = fraction
            ends[0, (j + 1) % 3] = ends[1, (j + 2) % 3] = 1 - fraction
            axes.plot(*to_plane(ends).T, color="white", linewidth=0.6, linestyle=":", alpha=0.8)
    for corner, task in zip(CORNERS, tasks, strict=True):
        above = corner[1] > 0
        axes.annotate(
            f"only\n{task}",
            corner,
            xytext=(0, 5 if above else -5),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize="small",
        )
    axes.set_aspect("equal")
    axes.set_xlim(-0.12, 1.12)
    axes.set_axis_off()
