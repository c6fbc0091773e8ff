"""Only with real frames: set MMDYMU_DATA_ROOT."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine import Config
from mmengine.registry import init_default_scope

from mmdymu.datasets.checking import check_config

FOLDER = Path(__file__).parents[3] / "configs" / "_base_" / "datasets"


@pytest.mark.parametrize(("name", "images"), [("nyud_256", [795, 500]), ("ccp_256", [800, 204])])
def test_real_data_sets_are_clean(name: str, images: list[int], data_root: Path) -> None:
    if not (data_root / name.replace("nyud", "nyuv2")).is_dir():
        pytest.skip(f"MMDYMU_DATA_ROOT has no frames of {name}")
    init_default_scope("mmdymu")
    reports = check_config(Config.fromfile(FOLDER / f"{name}.py"), samples=10, num_workers=0)
    assert [report.images for report in reports] == images
    assert [report.errors + report.warnings for report in reports] == [[], []]


def test_a_damaged_copy_is_reported_file_by_file(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = data_root / "nyuv2_256"
    if not real.is_dir():
        pytest.skip("MMDYMU_DATA_ROOT has no nyuv2_256")
    copy = tmp_path / "nyuv2_256"
    ids = (real / "train.txt").read_text().split()[:6]
    for folder, suffix in (("images", "jpg"), ("semseg13", "png"), ("depth", "png"), ("normals", "jpg")):
        (copy / folder).mkdir(parents=True)
        for name in ids:
            shutil.copyfile(real / folder / f"{name}.{suffix}", copy / folder / f"{name}.{suffix}")
    (copy / "train.txt").write_text("\n".join(ids))
    (copy / "test.txt").write_text("")
    image = copy / "images" / f"{ids[0]}.jpg"
    image.write_bytes(image.read_bytes()[:3000])
    cv2.imwrite(str(copy / "depth" / f"{ids[1]}.png"), np.ones((128, 168), np.uint8))
    cv2.imwrite(str(copy / "semseg13" / f"{ids[2]}.png"), np.full((256, 336), 40, np.uint8))
    (copy / "normals" / f"{ids[3]}.jpg").unlink()
    floats = copy / "semseg13" / f"{ids[4]}.tiff"
    cv2.imwrite(str(floats), np.full((256, 336), 1.5, np.float32))
    floats.rename(floats.with_suffix(".png"))
    monkeypatch.setenv("MMDYMU_DATA_ROOT", str(tmp_path))
    init_default_scope("mmdymu")

    train, test = check_config(Config.fromfile(FOLDER / "nyud_256.py"), num_workers=0)

    expected = [
        (ids[0], "cannot be read"),
        (ids[1], "is 128x168"),
        (ids[2], "stored value 40 is outside the 13 classes"),
        (ids[3], "has no label for task 'normals'"),
        (ids[4], r"stored value 1.5 is outside"),
    ]
    assert len(train.errors) == len(expected)
    for line, (name, message) in zip(train.errors, expected, strict=True):
        assert name in line
        assert message in line
    assert len(test.errors) == 1
    assert "names no image" in test.errors[0]
