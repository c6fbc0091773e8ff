"""A sweep's summary as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdymu.budget import Budget

__all__ = ["sweep_table"]


def sweep_table(summary: Mapping[str, Any]) -> str:
    """A summary as a table for a terminal, one row a cost weight or budget."""
    header = summary["header"]
    references = [f"HV (ref. {p:g})" for p in header["references"]]
    found = summary.get("by_cost_weight") or summary["by_budget"]
    choices = list(found[0]["brackets"])
    titles = [
        "budget" if "budget" in found[0] else "c",
        "share",
        "GFLOPs",
        "M params",
        *references,
        "uniformity",
        "rL",
        *(f"rL {name}" for name in choices),
        "Δm %",
    ]
    rows = [
        [
            str(Budget.parse(row["budget"])) if "budget" in row else f"{row['cost_weight']:g}",
            _shown(row["mean_share"], 3),
            _shown(row["mean_flops"] / 1e9, 3),
            _shown(row["mean_params"] / 1e6, 3),
            *(_shown(value, 4) for value in row["hypervolume"].values()),
            _shown(row["uniformity"], 4),
            _shown(row["weighted_loss"], 4),
            *(_shown(row["brackets"].get(name), 4) for name in choices),
            _shown(row["delta_m"], 2),
        ]
        for row in found
    ]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (titles, *rows)]
    drawn = "listed" if header.get("given_preferences") else f"seed {header['seed']}"
    single = f" in {header['single_from']}" if header.get("single") else ""
    about = (
        f"means over {header['preferences']} preferences ({drawn}) on {header['images']} images; losses "
        f"are divided by those of the single-task nets{single}\n"
        "(rL: as tested; of the others: the anchor's own norms, at the controller's share)"
    )
    return "\n".join([about, *lines])


def _shown(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
