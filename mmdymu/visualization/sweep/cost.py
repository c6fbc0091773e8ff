"""Resource use over the cost weight."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .record import SweepRecord
from .style import MissingPartError, dress, new_figure, outer_legend
from .summary import Band

__all__ = ["draw_cost"]

INK = "#1f3b63"
HOLLOW: dict[str, Any] = {"color": "white", "markeredgecolor": "black", "zorder": 3}


def draw_cost(sweep: SweepRecord) -> Figure:
    """Draw share, multiply-adds and parameters over the cost weight: mean, 10-90 % band, single-task nets.

    Args:
        sweep: A finished sweep.

    Returns:
        The figure.

    Raises:
        MissingPartError: If the summary has no cost curve.
    """
    curve = sweep.summary.cost_curve
    if curve is None:
        raise MissingPartError("the summary has no cost curve")
    figure = new_figure(10.5, 3.9)
    rows = sweep.summary.by_cost_weight
    parts = (
        (
            "controllable share s\n(0 = one trunk, 1 = all separate)",
            curve.share,
            1.0,
            1.0,
            [r.mean_share for r in rows],
        ),
        ("GFLOPs (multiply-adds) per image", curve.flops, 1e9, sweep.single.flops, [r.mean_flops for r in rows]),
        ("parameters of used nodes [M]", curve.params, 1e6, sweep.single.params, [r.mean_params for r in rows]),
    )
    for axes, (label, band, unit, single, means) in zip(figure.subplots(1, 3), parts, strict=True):
        _draw_band(axes, curve.cost_weights, band, unit)
        axes.axhline(single / unit, color="black", linestyle="--", linewidth=1)
        swept = [row.cost_weight for row in rows]
        axes.plot(swept, np.array(means) / unit, linestyle="none", marker="D", markersize=6, **HOLLOW)
        axes.set_xlabel("cost weight c", fontsize="small")
        axes.set_ylabel(label, fontsize="small")
        axes.set_ylim(bottom=0)
        dress(axes)
    outer_legend(figure, _handles(curve.preferences, sweep.header.preferences))
    return figure


def _draw_band(axes: Axes, cost_weights: tuple[float, ...], band: Band, unit: float) -> None:
    p10, p90, mean = (np.array(values) / unit for values in (band.p10, band.p90, band.mean))
    axes.fill_between(cost_weights, p10, p90, color=INK, alpha=0.18, linewidth=0)
    axes.plot(cost_weights, mean, color=INK, marker="o", markersize=4, linewidth=1.8)


def _handles(many: int, swept: int) -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=INK, marker="o", markersize=4, label=f"mean of {many:,} preferences"),
        Patch(color=INK, alpha=0.18, label="10-90 % of them"),
        Line2D([], [], linestyle="none", marker="D", label=f"mean of the {swept:,} swept preferences", **HOLLOW),
        Line2D([], [], color="black", linestyle="--", linewidth=1, label="single-task nets"),
    ]
