from __future__ import annotations

import numpy as np
import pytest
from test_datasets.plane import plane_results

from mmdymu.datasets import MultiTaskPad


def test_each_kind_gets_its_own_value() -> None:
    results = MultiTaskPad(size=(36, 50), img_value=(1, 2, 3))(plane_results())
    before = plane_results()
    inner = (slice(2, 34), slice(1, 49))
    outside = np.ones((36, 50), bool)
    outside[inner] = False
    assert (results["img"][outside] == (1, 2, 3)).all()
    assert (results["gt_semseg"][outside] == 255).all()
    assert (results["gt_depth"][outside] == 0).all() and (results["gt_normals"][outside] == 0).all()
    assert all((results[key][inner] == before[key]).all() for key in ("img", *before["seg_fields"]))
    assert results["img_shape"] == results["pad_shape"] == (36, 50)
    assert results["ori_shape"] == (32, 48)


def test_right_and_below() -> None:
    results = MultiTaskPad(size=(33, 50), centre=False, as_original=True)(plane_results())
    assert (results["gt_semseg"][:32, :48] == plane_results()["gt_semseg"]).all()
    assert results["ori_shape"] == (33, 50)


def test_large_images_stay() -> None:
    assert MultiTaskPad(size=(8, 8))(plane_results())["img"].shape == (32, 48, 3)


@pytest.mark.parametrize("size", [(8,), (0, 8)])
def test_wrong_size(size: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="size="):
        MultiTaskPad(size=size)  # type: ignore[arg-type]
