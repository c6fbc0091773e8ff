"""One picture of what a controller controls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

LEGEND_TASKS = 8
"""With more tasks a legend would be taller than the picture."""

LINES = {"controller": "-o", "heuristic": "--s", "oracle": ":^", "search": "-.d"}


def draw_control(report: Mapping[str, Any], path: str | Path) -> None:
    """Draws mean share and mean rL over the cost weight, and each task's loss over its own weight.

    Args:
        report: What :func:`mmdymu.apis.measure_control` returned.
        path: PNG or SVG file to write.
    """
    figure = Figure(figsize=(14, 4), layout="constrained")
    FigureCanvasAgg(figure)
    share, losses, own = figure.subplots(1, 3)
    cost_weights = [float(c) for c in report["shares"]["mean_by_cost_weight"]]
    share.plot(cost_weights, list(report["shares"]["mean_by_cost_weight"].values()), "-o", color="black")
    share.set(xlabel="cost weight c", ylabel="mean controllable share s", ylim=(0, 1), title="compute saved")
    for name, part in report["brackets"].items():
        losses.plot(cost_weights, part["by_cost_weight"], LINES[name], label=name)
    losses.set(xlabel="cost weight c", ylabel="mean rL (own streams = 1)", title="weighted loss at equal share")
    losses.legend()
    _draw_own_weight(own, report["own_weight"])
    for axes in (share, losses, own):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def _draw_own_weight(axes: Axes, own_weight: Mapping[str, Mapping[str, list[float]]]) -> None:
    for index, (task, ends) in enumerate(own_weight.items()):
        marker, color = "os^dvP*X"[index % 8], f"C{index % 10}"
        for style, (c, (high, low)) in zip(("-", "--"), ends.items(), strict=True):
            axes.plot([0.1, 0.8], [low, high], style, marker=marker, color=color, label=f"{task}, c = {float(c):g}")
    axes.set(xlabel="own weight r_j, the others equal", ylabel="normalised test loss", title="each task steered alone")
    if len(own_weight) <= LEGEND_TASKS:
        axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
