from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from benchmark_suite import RUNS, finish_all, suite_of
from html_checks import Page
from test_visualization.test_sweep.figure_checks import legend_labels, outside, overlapping

from mmdymu.benchmark import BenchmarkResult, read_benchmark, read_results, write_benchmark
from mmdymu.benchmark.figures import draw_hypervolume, draw_uniformity, draw_weighted_loss
from mmdymu.benchmark.page import benchmark_markdown
from mmdymu.benchmark.tables import benchmark_tables
from mmdymu.visualization.sweep import MissingPartError

FIGURES = (draw_weighted_loss, draw_hypervolume, draw_uniformity)


def result_of(folder: Path, runs: dict | None = None, **changes: object) -> BenchmarkResult:
    suite, jobs = suite_of(folder, runs, **changes)
    finish_all(jobs)
    return read_results(suite, jobs)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> BenchmarkResult:
    many = {f"peer{k}": {"config": "net.py", "label": f"Another method of {k} words & <signs>"} for k in range(4)}
    return result_of(tmp_path_factory.mktemp("many"), {**RUNS, **many})


def test_files_hold_the_same_numbers(result: BenchmarkResult, tmp_path: Path) -> None:
    markdown, html, numbers = write_benchmark(result, tmp_path / "b")
    page = Page(html.read_text(encoding="utf-8"))
    assert page.loaded == []
    assert len(page.images) == 3
    pictures = [base64.b64decode(source.partition(",")[2]) for _, source in page.images]
    assert pictures == [
        (tmp_path / "b" / "figures" / f"{name}.svg").read_bytes()
        for name in ("weighted_loss", "hypervolume", "uniformity")
    ]
    text = markdown.read_text(encoding="utf-8")
    for part in benchmark_tables(result):
        for row in part.rows:
            assert all(cell in page.text for cell in row)
            assert "| " + " | ".join(row) + " |" in text
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    data = json.loads(numbers.read_text(encoding="utf-8"))
    dymu = next(method for method in data["methods"] if method["name"] == "dymu")
    row = dymu["by_cost_weight"]["sweep"][1]
    assert row["cost_weight"] == 1.0
    assert row["rL"]["mean"] == pytest.approx(result.methods[2].rows("sweep")[1.0]["rL"].mean)
    assert row["rL"]["n"] == 2
    assert len(dymu["seeds"]) == 2


def test_tables_tell_seeds_and_spread(result: BenchmarkResult) -> None:
    tables = {part.name: part for part in benchmark_tables(result)}
    assert list(tables) == ["drawn", "drawn_tasks", "equal_share", "listed", "listed_tasks", "size"]
    drawn = tables["drawn"]
    assert all(len(row) == len(part.head) for part in tables.values() for row in part.rows)
    assert "Static" not in [row[0] for row in drawn.rows]
    assert "Static" in [row[0] for row in tables["listed"].rows]
    dymu = next(row for row in drawn.rows if row[0] == "DYMU")
    assert dymu[drawn.head.index("seeds")] == "2"
    assert " ± " in dymu[drawn.head.index("rL")]
    assert "(1, 0), (0.5, 0.5) over semseg, depth" in tables["listed"].caption
    tasks = tables["drawn_tasks"]
    assert tasks.head[3:] == ("semseg\nloss", "semseg\nmIoU [%]", "depth\nloss", "depth\nRMSE [m]")
    row = next(row for row in tasks.rows if row[0] == "DYMU")
    spread = next(method for method in result.methods if method.name == "dymu").rows("sweep")[0.0]["depth/rmse"]
    assert row[-1] == spread.text(3)


def test_results_without_tasks_of_their_own_have_no_such_table(result: BenchmarkResult, tmp_path: Path) -> None:
    path = write_benchmark(result, tmp_path / "b")[2]
    data = json.loads(path.read_text(encoding="utf-8"))
    for method in data["methods"]:
        for rows in (rows for seed in method["seeds"] for rows in seed["rows"].values()):
            rows[:] = [{k: v for k, v in row.items() if "/" not in k and not k.startswith("loss_")} for row in rows]
    path.write_text(json.dumps(data), encoding="utf-8")
    assert [part.name for part in benchmark_tables(read_benchmark(path))] == ["drawn", "equal_share", "listed", "size"]


def test_one_seed_is_marked(tmp_path: Path) -> None:
    result = result_of(tmp_path, {"single": RUNS["single"]}, seeds=[3])
    text = benchmark_markdown(result)
    assert " ¹ |" in text
    assert "±" not in text.split("## ", 1)[1]
    assert [part.name for part in benchmark_tables(result)] == ["drawn", "drawn_tasks", "equal_share", "size"]


def test_notes_are_told(result: BenchmarkResult, tmp_path: Path) -> None:
    suite, jobs = suite_of(tmp_path)
    finish_all(jobs[:2])
    markdown, html, _ = write_benchmark(read_results(suite, jobs), tmp_path / "b")
    assert "* DYMU, seeds 0, 1: not finished here" in markdown.read_text(encoding="utf-8")
    assert "DYMU, seeds 0, 1: not finished here" in Page(html.read_text(encoding="utf-8")).text


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
def test_texts_of_figures_fit(result: BenchmarkResult, draw: object) -> None:
    figure = draw(result)  # type: ignore[operator]
    labels = set(legend_labels(figure))
    if draw is draw_hypervolume:
        assert labels == {"c = 0", "c = 1"}
    else:
        assert {method.title for method in result.methods} - {"Static"} <= labels
    assert outside(figure) == []
    # Marks of a method lie anywhere: only numbers beside them may meet.
    close = [pair for pair in overlapping(figure) if not set(pair) <= {"0", "1"}]
    assert close == []


def test_weighted_loss_shows_the_table_values(result: BenchmarkResult) -> None:
    left, right = draw_weighted_loss(result).axes
    rows = next(method for method in result.methods if method.name == "dymu").rows("sweep")
    expected = [row["rL"].mean for row in rows.values()]
    shown = {tuple(line.get_ydata()) for line in left.get_lines() if len(line.get_xdata()) == len(rows)}
    assert tuple(expected) in shown
    shares = [row["share"].mean for row in rows.values()]
    assert any(list(line.get_xdata()) == shares for line in right.get_lines())


def test_a_figure_without_its_part_is_left_out(tmp_path: Path) -> None:
    runs = {"single": RUNS["single"], "static": RUNS["static"]}
    suite, jobs = suite_of(tmp_path, runs)
    finish_all([job for job in jobs if job.run.name == "static"])
    result = read_results(suite, jobs)
    with pytest.raises(MissingPartError, match="drawn preferences"):
        draw_weighted_loss(result)
    (tmp_path / "b" / "figures").mkdir(parents=True)
    (tmp_path / "b" / "figures" / "weighted_loss.png").write_text("old")
    _, html, _ = write_benchmark(result, tmp_path / "b")
    assert "Left out: Weighted loss over cost weight and share" in html.read_text(encoding="utf-8")
    assert not (tmp_path / "b" / "figures" / "weighted_loss.png").exists()
