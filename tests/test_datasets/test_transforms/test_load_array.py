from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmdymu.datasets import LoadImageFromArray

COLOURS = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)


@pytest.mark.parametrize("stored", [COLOURS, COLOURS / 255, (COLOURS / 255).astype(np.float32)])
def test_bytes_and_floats_give_the_same_image(tmp_path: Path, stored: np.ndarray) -> None:
    np.save(tmp_path / "0.npy", stored)
    results = LoadImageFromArray()({"img_path": str(tmp_path / "0.npy")})
    assert results["img"].dtype == np.uint8
    assert (results["img"] == COLOURS[..., ::-1]).all()
    assert results["img_shape"] == results["ori_shape"] == (4, 5)


@pytest.mark.parametrize(
    ("stored", "message"),
    [(COLOURS[..., 0], r"\(H, W, 3\)"), (COLOURS / 100, "floats in"), (COLOURS.astype(int), "int64")],
)
def test_refuses_other_arrays(tmp_path: Path, stored: np.ndarray, message: str) -> None:
    np.save(tmp_path / "0.npy", stored)
    with pytest.raises(ValueError, match=rf"0\.npy.*{message}"):
        LoadImageFromArray()({"img_path": str(tmp_path / "0.npy")})


def test_refuses_other_files(tmp_path: Path) -> None:
    (tmp_path / "0.npy").write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"0\.npy' is not an array"):
        LoadImageFromArray()({"img_path": str(tmp_path / "0.npy")})
