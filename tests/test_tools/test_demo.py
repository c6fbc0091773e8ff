from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def demo(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("demo")


def test_trains_tests_and_prints_a_table(demo, config_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([str(config_file), "--work-dir", "run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"checkpoint: {Path('run/iter_2.pth').resolve()}"
    rows = [line for line in lines if " of 10 " in line]
    assert len(rows) == 6
    assert [row.split(" of 10")[0].split()[-1] for row in rows] == ["10", "6"] * 3
    header = lines[lines.index(rows[0]) - 2]
    assert "semseg/mIoU" in header
    assert "depth/rmse" in header


def test_resume_continues_a_finished_run(demo, config_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([str(config_file), "--work-dir", "run", "--resume"]) == 0
    written = Path("run/iter_2.pth").stat().st_mtime_ns
    assert demo.main([str(config_file), "--work-dir", "run", "--resume"]) == 0
    assert Path("run/iter_2.pth").stat().st_mtime_ns == written
    assert "checkpoint: " in capsys.readouterr().out


def test_fails_if_the_cost_weight_saves_nothing(demo, config_file: Path, capsys) -> None:
    assert demo.main([str(config_file), "--cfg-options", "model.saving=0"]) == 1
    assert "does not use fewer nodes" in capsys.readouterr().err


@pytest.mark.parametrize("num_tasks", [2, 3, 5, 20])
def test_preferences(demo: ModuleType, num_tasks: int) -> None:
    uniform, first, last = demo.demo_preferences(num_tasks)
    assert len(set(uniform)) == 1
    for weights in (uniform, first, last):
        assert len(weights) == num_tasks
        assert sum(weights) == pytest.approx(1)
    assert (first.index(max(first)), last.index(max(last))) == (0, num_tasks - 1)


def test_one_task_is_refused(demo: ModuleType) -> None:
    with pytest.raises(ValueError, match="at least 2 tasks, got 1"):
        demo.demo_preferences(1)


def test_main_metric(demo: ModuleType) -> None:
    metrics = {
        "semseg/aAcc": 1.0,
        "semseg/mIoU": 1.0,
        "normals/mean": 1.0,
        "normals/rmse": 1.0,
        "other/x": 1.0,
    }
    assert demo.main_metric(metrics, "semseg") == "semseg/mIoU"
    assert demo.main_metric(metrics, "normals") == "normals/mean"
    assert demo.main_metric(metrics, "other") == "other/x"
    with pytest.raises(ValueError, match="task 'depth' has no metric"):
        demo.main_metric(metrics, "depth")
