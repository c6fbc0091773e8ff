"""From a sweep's folder to its figures and its page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmdymu.whole_file import whole_file

from .gallery import draw_figures, write_figures
from .page import sweep_page
from .reading import read_sweep

__all__ = ["WrittenReport", "write_report"]


@dataclass(frozen=True)
class WrittenReport:
    """What was written: the page, the folder of figures, and why which figures were left out."""

    page: Path
    figures: Path
    drawn: tuple[str, ...]
    missing: dict[str, str]


def write_report(folder: str | Path, out: str | Path | None = None) -> WrittenReport:
    """Draw a sweep's figures into FOLDER/figures and write one self-contained page.

    Args:
        folder: The folder of a finished sweep.
        out: The page's file; None means FOLDER/report.html.

    Returns:
        What was written.

    Raises:
        FileNotFoundError: If the sweep, or the folder of ``out``, is missing.
        ValueError: If the sweep is unfinished or broken, or ``out`` is a folder.
    """
    folder = Path(folder)
    page = folder / "report.html" if out is None else Path(out)
    if page.is_dir():
        raise ValueError(f"out must be a file to write, got the folder '{page}': give '{page / 'report.html'}'")
    if not page.parent.is_dir() and out is not None:
        raise FileNotFoundError(f"folder '{page.parent}' of out='{page}' does not exist: create it")
    sweep = read_sweep(folder)
    figures = draw_figures(sweep)
    write_figures(figures, folder / "figures")
    with whole_file(page) as unfinished:
        unfinished.write_text(sweep_page(sweep, figures), encoding="utf-8")
    return WrittenReport(
        page=page,
        figures=folder / "figures",
        drawn=tuple(figure.kind.name for figure in figures if figure.svg),
        missing={figure.kind.name: figure.missing for figure in figures if not figure.svg},
    )
