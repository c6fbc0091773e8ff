from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from html_checks import Page
from sweep_folder import write_files, write_sweep

from mmdymu.visualization.sweep import FIGURES, gallery


@pytest.fixture
def report(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("report")


@pytest.fixture
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "FIGURES", [kind for kind in FIGURES if kind.name in ("cost", "simplex")])


def test_a_report_is_written(report: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sweep(tmp_path, 2, preferences=2, num_layers=2, cost_weights=[0.0])
    assert report.main([str(tmp_path)]) == 0

    written = capsys.readouterr().out
    assert "figures: 7 as PNG and SVG in" in written
    assert "left out: simplex: the simplex can be drawn for 3 tasks only, the sweep has 2" in written
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.loaded == []
    drawn = [kind.name for kind in FIGURES if kind.name != "simplex"]
    contents = [base64.b64decode(source.partition(",")[2]) for _, source in page.images]
    assert contents == [(tmp_path / "figures" / f"{name}.svg").read_bytes() for name in drawn]
    assert {path.stem for path in (tmp_path / "figures").glob("*.png")} == set(drawn)
    assert {path.name for path in tmp_path.iterdir()} == {"sweep.jsonl", "summary.json", "figures", "report.html"}


@pytest.mark.usefixtures("few_figures")
def test_the_page_can_go_elsewhere(report: ModuleType, tmp_path: Path) -> None:
    write_sweep(tmp_path / "sweep", 3, preferences=2, num_layers=2)
    out = tmp_path / "page.html"
    assert report.main([str(tmp_path / "sweep"), "--out", str(out)]) == 0
    assert len(Page(out.read_text(encoding="utf-8")).images) == 2
    assert not (tmp_path / "sweep" / "report.html").exists()


@pytest.mark.usefixtures("few_figures")
def test_an_old_page_stays_whole_when_writing_fails(
    report: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sweep(tmp_path, 2, preferences=2, num_layers=2)
    (tmp_path / "report.html").write_text("old")
    (tmp_path / "figures").mkdir()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        report.main([str(tmp_path)])
    assert (tmp_path / "report.html").read_text() == "old"
    assert list((tmp_path / "figures").iterdir()) == []


def test_errors_of_the_user_are_one_line(
    report: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def error(*arguments: str) -> str:
        assert report.run_tool(report.main, list(arguments)) == 2
        return capsys.readouterr().err

    assert "does not exist: give the --out of tools/sweep.py" in error(str(tmp_path / "nowhere"))
    lines, summary = write_sweep(tmp_path, 2, preferences=2, num_layers=2)
    assert "got the folder" in error(str(tmp_path), "--out", str(tmp_path))
    assert "does not exist: create it" in error(str(tmp_path), "--out", str(tmp_path / "no" / "page.html"))
    write_files(tmp_path, lines[:12], summary)
    message = error(str(tmp_path))
    assert message.count("\n") == 1
    assert (
        f"(2 of 6 runs): continue it with: python tools/sweep.py configs/dymu/toy.py toy.pth --out {tmp_path}"
        in message
    )
    assert not (tmp_path / "figures").exists()
