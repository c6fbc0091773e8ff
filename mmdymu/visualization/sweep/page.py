"""One self-contained HTML page of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

from .gallery import DrawnFigure
from .html import Element, document, node
from .parts import definitions, links_to, picture, section
from .record import SweepRecord
from .stylesheet import STYLE
from .tables import control_range_table, controller_table, runs_table, single_task_table, summary_table

__all__ = ["sweep_page"]

__all__ = ["WORDS", "sweep_page"]

WORDS = (
    ("preference r", "One weight per task, sum 1: how much each task matters."),
    ("cost weight c", "From 0 to 1: how much saving compute matters."),
    (
        "controllable share s",
        "(F / F of one trunk − 1) / (N − 1), with F the multiply-adds of the backbone nodes that run: 0 is one trunk "
        "for all tasks, 1 is a stream of its own for every task. Heads are outside it.",
    ),
    ("GFLOPs, parameters", "Multiply-adds per image, in 10⁹, and parameters, in 10⁶, of the nodes that run and heads."),
    (
        "rL",
        "The loss weighted by the preference, Σ rᵢ Lᵢ / Lᵢ(single-task): 1 is as good as the single-task nets, lower "
        "is better. Brackets compare it for trees of at most the controller's share: a heuristic (one trunk, one "
        "branching depth), a search on training losses, and an oracle that has seen losses of test images.",
    ),
    (
        "hypervolume",
        "Volume that the loss vectors of all preferences dominate below the reference point: losses are divided by the "
        "single-task nets', the reference is the same number for every task. Higher is better; one nearly separate "
        "tree decides most of it, so read it beside the share.",
    ),
    (
        "uniformity",
        "1 − KL(q ‖ uniform) with qⱼ = rⱼLⱼ / Σ rᵢLᵢ: 1 if every task's loss is inversely proportional to its weight. "
        "It also rises when unimportant tasks are ruined.",
    ),
    (
        "Δm",
        "Mean relative gain of the main metrics over the single-task nets (over the config's baselines if it has any), "
        "in percent; above 0 is better.",
    ),
)


def sweep_page(sweep: SweepRecord, figures: Sequence[DrawnFigure]) -> str:
    """Write the page.

    Args:
        sweep: A finished sweep.
        figures: All figures, drawn or missing.

    Returns:
        HTML with everything inside: no scripts, nothing to load.
    """
    drawn = [figure for figure in figures if figure.svg]
    sections = [
        section("summary", "By cost weight", summary_table(sweep)),
        section("single", "Single-task nets", single_task_table(sweep)),
        section("range", "Control range", _or_absent(control_range_table(sweep), "control ranges")),
        section("controller", "Controller", _or_absent(controller_table(sweep), "size of the controller")),
        section("figures", "Figures", *map(_figure, drawn), *_missing([f for f in figures if not f.svg])),
        section("runs", "All runs", _runs(sweep)),
        section("words", "Words", definitions(WORDS, "words")),
    ]
    title = f"Sweep of {sweep.header.config or ', '.join(sweep.tasks)}"
    header = node("header", node("h1", title), _lead(sweep), _facts(sweep), links_to(sections))
    return document(title, STYLE, [header, node("main", *sections)])


def _lead(sweep: SweepRecord) -> Element:
    header = sweep.header
    return node(
        "p",
        f"{header.preferences} preferences over {len(header.tasks)} tasks at {len(header.cost_weights)} cost weights: "
        f"{len(sweep.runs)} runs on {header.images:,} test images.",
    )


def _facts(sweep: SweepRecord) -> Element:
    header = sweep.header
    height, width = header.image_size
    facts = (
        ("config", header.config or "not told"),
        ("checkpoint", f"{header.checkpoint or 'not told'} (SHA-256 of its weights {header.weights_sha256})"),
        ("tasks", ", ".join(header.tasks)),
        ("preferences", f"{header.preferences}, " + ("as listed" if header.listed else f"seed {header.seed}")),
        ("cost weights", ", ".join(f"{c:g}" for c in header.cost_weights)),
        ("test images", f"{header.images:,} of {height:g} × {width:g} pixels (height × width)"),
        ("norm statistics", header.norm_statistics),
        *([("single-task nets", f"those that {header.single_from} measured")] if header.single_from else []),
        (
            "hypervolume references",
            " and ".join(f"{point:g}" for point in header.references) + ", the same for every task",
        ),
        ("mmdymu", header.version),
    )
    return definitions(facts, "facts")


def _figure(figure: DrawnFigure) -> Element:
    kind = figure.kind
    return picture(kind.name, kind.title, kind.reading, figure.svg, figure.note)


def _missing(figures: Sequence[DrawnFigure]) -> list[Element]:
    if not figures:
        return []
    items = [node("li", f"{figure.kind.title}: {figure.missing}.") for figure in figures]
    return [node("h3", "Left out"), node("ul", *items)]


def _runs(sweep: SweepRecord) -> Element:
    return node("details", node("summary", f"Show all {len(sweep.runs)} runs"), runs_table(sweep))


def _or_absent(part: Element | None, what: str) -> Element:
    return node("p", f"The sweep has no {what}.", class_="soft") if part is None else part
