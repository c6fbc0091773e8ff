"""A benchmark's files: Markdown, one self-contained page, JSON, figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from mmdymu.visualization.sweep.gallery import figure_bytes
from mmdymu.visualization.sweep.html import Element, document, node, table
from mmdymu.visualization.sweep.page import WORDS
from mmdymu.visualization.sweep.parts import definitions, links_to, picture, section
from mmdymu.visualization.sweep.style import MissingPartError
from mmdymu.visualization.sweep.stylesheet import STYLE
from mmdymu.whole_file import whole_file

from .figures import draw_hypervolume, draw_uniformity, draw_weighted_loss
from .tables import TextTable, benchmark_tables, markdown_table
from .values import BenchmarkResult, benchmark_json

__all__ = ["benchmark_markdown", "benchmark_page", "write_benchmark"]

WIDE = "body { max-width: 88rem; } caption { max-width: 60rem; }"
"""Columns with deviations need more room than those of a single sweep."""

SEEDS = (
    "mean ± standard deviation",
    "Taken over seeds (divisor n − 1); the losses of a seed are divided by those of its own single-task nets. ¹ marks "
    "a value of one seed alone.",
)


@dataclass(frozen=True)
class _Kind:
    name: str
    title: str
    reading: str
    draw: Callable[[BenchmarkResult], Figure]


FIGURES = (
    _Kind(
        "weighted_loss",
        "Weighted loss over cost weight and share",
        "Lower and further left is better: the same loss with less compute. A method whose cost cannot be chosen has "
        "one mark. Error bars are standard deviations over seeds.",
        draw_weighted_loss,
    ),
    _Kind(
        "hypervolume",
        "Hypervolume",
        "One bar a cost weight, for the first reference point, with standard deviations over seeds. Read it beside the "
        "share: one nearly separate network among the tests decides most of it.",
        draw_hypervolume,
    ),
    _Kind(
        "uniformity",
        "Uniformity against hypervolume",
        "Marks of one method are its cost weights; the number beside a mark is the smallest or the largest. Uniformity "
        "alone also rises when unimportant tasks are ruined.",
        draw_uniformity,
    ),
)


def write_benchmark(result: BenchmarkResult, folder: Path) -> list[Path]:
    """Writes ``benchmark.md``, ``benchmark.html``, ``benchmark.json`` and ``figures/``.

    Args:
        result: Finished methods.
        folder: Is made if need be.

    Returns:
        The three files.
    """
    figures = folder / "figures"
    drawn, missing = [], []
    for kind in FIGURES:
        paths = {ending: figures / f"{kind.name}.{ending}" for ending in ("svg", "png")}
        try:
            figure = kind.draw(result)
        except MissingPartError as error:
            missing.append(f"{kind.title}: {error}")
            for path in paths.values():
                path.unlink(missing_ok=True)
            continue
        for ending, path in paths.items():
            with whole_file(path) as unfinished:
                unfinished.write_bytes(figure_bytes(figure, ending))
        drawn.append((kind, paths["svg"].read_bytes()))
    texts = {
        "benchmark.md": benchmark_markdown(result, [(kind.title, f"figures/{kind.name}.png") for kind, _ in drawn]),
        "benchmark.html": benchmark_page(result, [_picture(kind, svg) for kind, svg in drawn], missing),
        "benchmark.json": benchmark_json(result),
    }
    for name, text in texts.items():
        with whole_file(folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def benchmark_markdown(result: BenchmarkResult, figures: Sequence[tuple[str, str]] = ()) -> str:
    """The tables in Markdown.

    Args:
        result: Finished methods.
        figures: Title and file of each.
    """
    parts = [f"# {result.title}\n", f"{_lead(result)}\n", f"Values are {SEEDS[0]}. {SEEDS[1]}\n"]
    parts += [markdown_table(part) for part in benchmark_tables(result)]
    parts += [f"![{title}]({file})\n" for title, file in figures]
    if result.notes:
        parts.append("## Notes\n\n" + "\n".join(f"* {note}" for note in result.notes) + "\n")
    return "\n".join(parts)


def benchmark_page(result: BenchmarkResult, pictures: Sequence[Element], missing: Sequence[str] = ()) -> str:
    """The page.

    Args:
        result: Finished methods.
        pictures: Figures as parts of the page.
        missing: Figures that are left out, and why.

    Returns:
        HTML with everything inside: no scripts, nothing to load.
    """
    sections = [section(part.name, part.title, _table(part)) for part in benchmark_tables(result)]
    if pictures or missing:
        left_out = [node("ul", *(node("li", f"Left out: {text}.") for text in missing))] if missing else []
        sections.append(section("figures", "Figures", *pictures, *left_out))
    if result.notes:
        sections.append(section("notes", "Notes", node("ul", *(node("li", note) for note in result.notes))))
    sections.append(section("words", "Words", definitions((SEEDS, *WORDS), "words")))
    header = node(
        "header",
        node("h1", result.title),
        node("p", _lead(result)),
        node("p", f"Values are {SEEDS[0]}. {SEEDS[1]}"),
        links_to(sections),
    )
    return document(result.title, STYLE + WIDE, [header, node("main", *sections)])


def _lead(result: BenchmarkResult) -> str:
    return (
        f"{len(result.methods)} methods on {', '.join(result.tasks)}; all numbers are of the same {result.images:,} "
        "test images, and losses are divided by those of the single-task nets."
    )


def _table(part: TextTable) -> Element:
    return table(part.caption, part.head, part.rows)


def _picture(kind: _Kind, svg: bytes) -> Element:
    return picture(kind.name, kind.title, kind.reading, svg)
