from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from html_checks import Page

from mmdymu.visualization.sweep import FIGURES, DrawnFigure, SweepRecord
from mmdymu.visualization.sweep.html import document, node, table
from mmdymu.visualization.sweep.page import sweep_page
from mmdymu.visualization.sweep.style import number

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
EVIL = "<script>alert(1)</script> & \"quoted\" 'x'"


def figures(missing: str = "") -> list[DrawnFigure]:
    return [
        DrawnFigure(kind, missing="there is none") if kind.name == missing else DrawnFigure(kind, SVG, b"png", "a note")
        for kind in FIGURES
    ]


@pytest.mark.parametrize("num_tasks", [2, 3, 5, 20])
def test_the_page_is_whole_and_loads_nothing(sweep_of: Callable[..., SweepRecord], num_tasks: int) -> None:
    page = Page(sweep_page(sweep_of(num_tasks), figures()))
    assert page.loaded == []
    assert not {"script", "link", "iframe", "object", "base"} & set(page.tags)
    assert len(page.images) == len(FIGURES)
    assert {"header", "nav", "main", "section", "figure", "figcaption", "caption", "details"} <= set(page.tags)
    assert len(set(page.ids)) == len(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    for kind, (alt, source) in zip(FIGURES, page.images, strict=True):
        assert alt.startswith(kind.title)
        content = base64.b64decode(source.removeprefix("data:image/svg+xml;base64,"))
        assert ElementTree.fromstring(content).tag.endswith("svg")
        assert kind.reading + " a note" in page.text


def test_what_was_swept_stands_at_the_top(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3)
    text = Page(sweep_page(sweep, figures())).text
    for part in (
        "Sweep of configs/dymu/toy.py",
        "5 preferences over 3 tasks at 3 cost weights: 15 runs on 500 test images.",
        f"toy.pth (SHA-256 of its weights {sweep.header.weights_sha256})",
        "semseg, depth, normals",
        "5, seed 0",
        "500 of 128 × 168 pixels (height × width)",
        "norm statisticsrunning",
        "2 and 3, the same for every task",
        "mmdymu0.1.0",
    ):
        assert part in text


def test_summary_rows(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3)
    head, *rows = rows_of(sweep_page(sweep, figures()), 0)
    assert head[4:6] == ["hypervolume\n(ref. 2)", "hypervolume\n(ref. 3)"]
    assert head[8:12] == ["rL\ncontroller", "rL\nheuristic", "rL\nsearch", "rL\noracle"]
    assert [row[0] for row in rows] == ["0", "0.5", "1", "single-task"]
    for cells, row in zip(rows, sweep.summary.by_cost_weight, strict=False):
        assert float(cells[1]) == pytest.approx(row.mean_share, abs=5.1e-4)
        assert float(cells[2]) == pytest.approx(row.mean_flops / 1e9, abs=5.1e-4)
        assert float(cells[3]) == pytest.approx(row.mean_params / 1e6, abs=5.1e-3)
        assert float(cells[4]) == pytest.approx(row.hypervolume["2.0"], abs=5.1e-5)
        assert float(cells[11]) == pytest.approx(row.brackets["oracle"], abs=5.1e-5)
        assert float(cells[12]) == pytest.approx(row.delta_m, abs=5.1e-3)
    assert rows[-1][1:4] == ["1.000", number(sweep.single.flops / 1e9), number(sweep.single.params / 1e6, 2)]
    assert rows[-1][4:8] == ["1.0000", "8.0000", "", "1.0000"]


def test_volumes_of_any_size(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3)
    for value, text in ((1234567.0, "1.235e+06"), (3.21e-7, "3.21e-07"), (0.0, "0.0000"), (7.5, "7.5000")):
        rows = tuple(replace(row, hypervolume={"2.0": value}) for row in sweep.summary.by_cost_weight)
        page = sweep_page(replace(sweep, summary=replace(sweep.summary, by_cost_weight=rows)), figures())
        assert rows_of(page, 0)[1][4] == text


def test_many_tasks_have_roots_of_volumes(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(20)
    head, first, *_, single = rows_of(sweep_page(sweep, figures()), 0)
    assert head[4:8] == [
        "hypervolume\n(ref. 2)",
        "hypervolume\n(ref. 3)",
        *(f"its N-th root\n(ref. {p})" for p in (2, 3)),
    ]
    assert first[6:8] == ["0.9900", "1.9000"]
    assert single[4:8] == ["1.0000", "1.049e+06", "1.0000", "2.0000"]


def test_other_tables(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3)
    page = sweep_page(sweep, figures())
    single = rows_of(page, 1)
    assert single[3] == ["normals", "1.6000", "mean angle 24°, RMSE 30°"]
    assert single[2] == ["depth", "1.0000", "RMSE 0.87 m, AbsRel 0.2"]
    control = rows_of(page, 2)
    part = sweep.summary.control_range["depth"][1]
    assert control[2][0] == "depth"
    assert control[2][2] == f"{part.lowest:.3f} – {part.highest:.3f}"
    assert rows_of(page, 3)[1] == ["controller (all hypernets)", "120,000", "1.33 %"]
    runs = rows_of(page, 4)
    assert len(runs) == 1 + len(sweep.runs)
    assert runs[1][:3] == ["0", "0", f"{sweep.runs[0].weights[0]:.3f}"]
    assert runs[0][-2:] == ["normals\nmean angle [°]", "Δm\n[%]"]
    assert {len(row) for row in runs} == {len(runs[0])}


def test_users_texts_are_escaped(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(2)
    evil = replace(sweep, header=replace(sweep.header, config=EVIL, checkpoint=EVIL, tasks=(EVIL, "b\0\x1b")))
    page = Page(sweep_page(evil, figures()))
    assert "script" not in page.tags
    assert f"Sweep of {EVIL}" in page.text
    assert f"{EVIL}, b��" in page.text


def test_left_out_figures_are_named_with_the_reason(sweep_of: Callable[..., SweepRecord]) -> None:
    page = Page(sweep_page(sweep_of(2), figures(missing="simplex")))
    assert len(page.images) == len(FIGURES) - 1
    assert "Resource use over the simplex: there is none." in page.text
    assert "Left out" not in Page(sweep_page(sweep_of(2), figures())).text


def test_what_is_not_known_is_a_dash(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3, metrics=False)
    empty = replace(sweep.summary, control_range={}, controller={})
    page = sweep_page(replace(sweep, summary=empty), figures())
    assert rows_of(page, 0)[1][-1] == "–"
    assert rows_of(page, 1)[1][-1] == "–"
    assert "The sweep has no control ranges." in page
    assert "The sweep has no size of the controller." in page
    assert number(float("nan")) == "–"
    assert (number(1234.5, 1), number(-0.5, 1, sign=True), number(0.5, 1, sign=True)) == ("1,234.5", "-0.5", "+0.5")


def test_elements_keep_the_order_of_texts() -> None:
    page = document("a < b", "p > b { color: red }", [node("p", "one ", node("b", "two"), " three", class_="x")])
    assert '<p class="x">one <b>two</b> three</p>' in page
    assert "<title>a &lt; b</title>" in page
    assert "p > b { color: red }" in page
    assert Page(page).text.endswith("one two three\n")


def test_tables_have_heading_cells_and_can_be_scrolled_by_keyboard() -> None:
    page = document("t", "", [table("What", ["a", "b"], [["x", "1"]])])
    assert '<th scope="col">a</th>' in page
    assert '<th scope="row">x</th><td>1</td>' in page
    assert 'tabindex="0"' in page
    assert "text" not in page.split("<table>")[1]
    words = document("t", "", [table("What", ["a", "b", "c"], [["x", "y", "1"]], (1,))])
    assert '<th scope="col" class="text">b</th>' in words
    assert '<td class="text">y</td><td>1</td>' in words


def rows_of(html: str, index: int) -> list[list[str]]:
    """Cells of the table with this position on the page."""
    part = html.split("<table>")[index + 1].split("</table>")[0]
    body = ElementTree.fromstring(f"<table>{part}</table>")
    return [["".join(cell.itertext()) for cell in row] for row in body.iter("tr")]
