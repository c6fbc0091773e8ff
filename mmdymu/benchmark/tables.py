"""The tables of a benchmark, as text: one source for Markdown and HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mmdymu.evaluation.metric_info import main_metrics, metric_info

from .jobs import DRAWN, LISTED
from .spread import Spread, spread_of
from .values import BenchmarkResult, MethodResult

__all__ = ["TextTable", "benchmark_tables", "markdown_table"]

UNKNOWN = spread_of([])
CHOICES = ("controller", "heuristic", "search", "oracle")


@dataclass(frozen=True)
class TextTable:
    """A table of texts.

    Attributes:
        name: For links.
        title: Heading.
        caption: What it shows, and how it is read.
        head: One heading a column.
        rows: As long as ``head``; the first cell is the row's own heading.
    """

    name: str
    title: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def benchmark_tables(result: BenchmarkResult) -> list[TextTable]:
    """The tables for which there are numbers.

    Args:
        result: Finished methods.

    Returns:
        All methods at drawn preferences, and their tasks one by one; trees at equal share; all methods at the static
        nets' preferences, and their tasks; size and training.
    """
    tables = []
    if result.preferences:
        text = f"Means over {result.preferences} preferences, drawn uniformly from the simplex."
        tables.append(_measures(result, DRAWN, "drawn", "At drawn preferences", text))
        tables += _tasks(result, DRAWN, "drawn_tasks", "Tasks at drawn preferences")
    if any("rL_heuristic" in row for _, _, row in _rows(result, DRAWN)):
        tables.append(_equal_share(result))
    if result.listed:
        points = ", ".join("(" + ", ".join(f"{x:g}" for x in _unit_sum(row)) + ")" for row in result.listed)
        text = (
            f"The {len(result.listed)} preferences {points} over {', '.join(result.tasks)}. A static method has a net "
            "of its own for each of them; the others answer with one model."
        )
        tables.append(_measures(result, LISTED, "listed", "At the static nets' preferences", text))
        tables += _tasks(result, LISTED, "listed_tasks", "Tasks at the static nets' preferences")
    return [*tables, _sizes(result)]


def markdown_table(table: TextTable) -> str:
    """The table in Markdown, with its heading and caption."""
    lines = [table.head, ["---", *["---:"] * (len(table.head) - 1)], *table.rows]
    text = "\n".join(
        "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in row) + " |" for row in lines
    )
    return f"## {table.title}\n\n{table.caption}\n\n{text}\n"


def _measures(result: BenchmarkResult, sweep: str, name: str, title: str, text: str) -> TextTable:
    points = [f"{point:g}" for point in result.references]
    head = ("method", "c", "seeds", *(f"hypervolume\n(ref. {point})" for point in points), "uniformity", "share", "rL",
            "GFLOPs", "params\n[M]", "Δm\n[%]")  # fmt: skip
    rows = [
        (
            method.title,
            f"{cost_weight:g}",
            str(_seeds(row)),
            *(row.get(f"hypervolume_{point}", UNKNOWN).text(3) for point in points),
            row["uniformity"].text(3),
            row["share"].text(3),
            row["rL"].text(4),
            row["flops"].text(3, 1e9),
            row["params"].text(2, 1e6),
            row["delta_m"].text(2, sign=True),
        )
        for method, cost_weight, row in _rows(result, sweep)
    ]
    return TextTable(name, title, text, head, tuple(rows))


def _tasks(result: BenchmarkResult, sweep: str, name: str, title: str) -> list[TextTable]:
    """Each task's loss and main metric; none if no row has them, as in results that were kept before they did."""
    rows = [(m, c, row) for m, c, row in _rows(result, sweep) if any(key.startswith("loss_") for key in row)]
    if not rows:
        return []
    metrics = main_metrics(key for _, _, row in rows for key in row if "/" in key)
    # Entry of a row, heading, decimals.
    columns: list[tuple[str, str, int]] = []
    for task in result.tasks:
        columns.append((f"loss_{task}", f"{task}\nloss", 3))
        if info := metric_info(metrics.get(task, "")):
            columns.append((metrics[task], f"{task}\n{info.title}", 1 if info.unit in ("%", "°") else 3))
    head = ("method", "c", "seeds", *(heading for _, heading, _ in columns))
    lines = tuple(
        (
            method.title,
            f"{cost_weight:g}",
            str(_seeds(row)),
            *(row.get(key, UNKNOWN).text(digits) for key, _, digits in columns),
        )
        for method, cost_weight, row in rows
    )
    text = (
        "Means over the same preferences, whatever a task's weight in them: losses over those of the single-task nets "
        "(rL weighs them by the preference instead), and metrics."
    )
    return [TextTable(name, title, text, head, lines)]


def _equal_share(result: BenchmarkResult) -> TextTable:
    compared = [(m, c, row) for m, c, row in _rows(result, DRAWN) if "rL_heuristic" in row]
    choices = [choice for choice in CHOICES if any(f"rL_{choice}" in row for _, _, row in compared)]
    rows = [
        (method.title, f"{cost_weight:g}", str(_seeds(row)), row["share"].text(3), row["rL"].text(4),
         *(row.get(f"rL_{choice}", UNKNOWN).text(4) for choice in choices))
        for method, cost_weight, row in compared
    ]  # fmt: skip
    text = (
        "Mean rL of trees that cost at most what the controller's does, all with the streams' own weights and norm "
        "statistics: the controller's own, a plain heuristic's, the best on a path table of training images, and the "
        "best on one of some test images (oracle). Controllers and searches minimise losses over those of their own "
        "streams. Static nets have no choice."
    )
    head = ("method", "c", "seeds", "share", "rL\nas tested", *(f"rL\n{choice}" for choice in choices))
    return TextTable("equal_share", "Trees at equal share", text, head, tuple(rows))


def _sizes(result: BenchmarkResult) -> TextTable:
    rows = [
        (method.title, ", ".join(str(seed.seed) for seed in method.seeds), f"{method.control_params.mean:,.0f}",
         method.train_seconds.text(1, 60))
        for method in result.methods
    ]  # fmt: skip
    text = (
        "Control parameters are those of the hypernets. Training time, as the logs tell it, is the sum over all "
        "stages, over the nets of a static method, and of the trainings on whose checkpoints or trees a method builds, "
        "with all their stages."
    )
    head = ("method", "seed\nnumbers", "control\nparameters", "training\n[min]")
    return TextTable("size", "Size and training", text, head, tuple(rows))


def _rows(result: BenchmarkResult, sweep: str) -> list[tuple[MethodResult, float, dict[str, Spread]]]:
    return [(method, c, row) for method in result.methods for c, row in method.rows(sweep).items()]


def _seeds(row: dict[str, Spread]) -> int:
    return row["cost_weight"].n


def _unit_sum(weights: Sequence[float]) -> list[float]:
    return [round(weight / math.fsum(weights), 3) for weight in weights]
