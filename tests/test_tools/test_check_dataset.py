from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import pytest
from test_datasets.dataset_files import write_data_set


@pytest.fixture
def config(tmp_path: Path) -> Path:
    arguments = write_data_set(tmp_path / "data", length=4)
    dataset = {"type": "mmdymu.MultiTaskDataset", **arguments}
    path = tmp_path / "own.py"
    path.write_text(f"custom_imports = dict(imports=['mmdymu'])\ntrain_dataloader = dict(dataset={dataset!r})\n")
    return path


def test_a_clean_data_set(
    load_tool: Callable[[str], ModuleType], config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = load_tool("check_dataset")
    assert tool.main([str(config), "--all", "--workers", "0", "--show", str(tmp_path / "sheets"), "--shown", "2"]) == 0
    out = capsys.readouterr().out
    assert "train: 4 images, 4 opened" in out
    assert "0 errors, 0 warnings" in out
    sheet = cv2.imread(str(tmp_path / "sheets" / "train.png"))
    assert sheet.shape[1] == 5 * 324 - 4  # image, three labels, legend
    assert sheet.std() > 20


def test_errors_give_status_one(
    load_tool: Callable[[str], ModuleType], config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data" / "depth" / "0002.png").unlink()
    tool = load_tool("check_dataset")
    assert tool.main([str(config), "--samples", "1", "--workers", "0"]) == 1
    out = capsys.readouterr().out
    assert "train: 4 images, 1 opened" in out
    assert "error: image '0002' has no label for task 'depth'" in out


def test_a_sheet_shows_what_can_be_read(
    load_tool: Callable[[str], ModuleType], config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data" / "depth" / "0000.png").unlink()
    tool = load_tool("check_dataset")
    arguments = [str(config), "--all", "--workers", "0", "--show", str(tmp_path / "sheets"), "--shown", "4"]
    assert tool.main(arguments) == 1
    row = 192 + 20 + 4
    assert cv2.imread(str(tmp_path / "sheets" / "train.png")).shape[0] > 2 * row
    for name in ("0001", "0002", "0003"):
        (tmp_path / "data" / "depth" / f"{name}.png").unlink()
    assert tool.main(arguments) == 1
    assert "no contact sheet of train" in capsys.readouterr().out
