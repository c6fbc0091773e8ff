from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from test_datasets.nyuv2_files import MAP_CLASS, write_nyuv2


@pytest.fixture
def tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("dataset_converters/nyuv2")


def arguments(paths: dict[str, Path], out: Path) -> list[str]:
    mats = [str(paths["source"]), "--splits", str(paths["splits"]), "--mapping", str(paths["mapping"])]
    return [*mats, "--out", str(out), "--workers", "0", "--window", "3"]


def test_options_reach_the_conversion(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths, frames = write_nyuv2(tmp_path / "official")
    out = tmp_path / "nyuv2"
    assert tool.main([*arguments(paths, out), "--crop", "8:40,0:64", "--size", "16x32", "--classes", "13"]) == 0
    assert f"{out}: 2 train frames, 1 test frames" in capsys.readouterr().out
    semseg = cv2.imread(str(out / "semseg" / "0001.png"), cv2.IMREAD_UNCHANGED)
    raw = frames[0]["labels"][9:40:2, 1::2]
    wall = (raw > 0) & (MAP_CLASS[raw.astype(int) - 1] == 1)
    assert semseg.shape == (16, 32)
    assert ((semseg == 11) == wall).all()
    assert np.isin(semseg, [*range(13), 255]).all()


def test_a_second_run_replaces_only_when_told(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths, _ = write_nyuv2(tmp_path / "official", count=2, size=(6, 8))
    command = arguments(paths, tmp_path / "nyuv2")
    assert tool.main(command) == 0
    assert tool.main(command) == 2
    assert "is not empty; give a new folder, or --overwrite" in capsys.readouterr().err
    assert tool.main([*command, "--overwrite"]) == 0


def test_errors_are_one_line(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths, _ = write_nyuv2(tmp_path / "official", count=2, size=(6, 8))
    command = arguments(paths, tmp_path / "nyuv2")
    for wrong, message in [
        (["--crop", "nyud"], "crop 45:470,40:600 leaves the frames"),
        (["--size", "6"], "size '6' is not allowed"),
        (["--splits", "no.mat"], "file 'no.mat' with variable trainNdxs does not exist"),
    ]:
        assert tool.main([*command, *wrong]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"error: {message}")
        assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["official"]
    with pytest.raises(ValueError, match="size '6'"):
        tool.main([*command, "--size", "6", "--debug"])
