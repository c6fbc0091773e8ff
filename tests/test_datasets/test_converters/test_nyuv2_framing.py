from __future__ import annotations

import numpy as np
import pytest

from mmdymu.datasets.converters import ConversionError
from mmdymu.datasets.converters.camera import NYU_V2, nyuv2_camera
from mmdymu.datasets.converters.framing import Framing


def test_the_crop_of_the_releases_is_425x560() -> None:
    rows, columns = Framing.parse("nyud").sources((480, 640))
    assert (rows[0], rows[-1], len(rows)) == (45, 469, 425)
    assert (columns[0], columns[-1], len(columns)) == (40, 599, 560)


def test_nothing_is_the_whole_frame() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    rows, columns = Framing.parse().sources((5, 7))
    assert (image[np.ix_(rows, columns)] == image).all()
    assert (Framing.parse().image(image) == image).all()


@pytest.mark.parametrize(("size", "rows"), [("2x3", [2, 5]), ("3x3", [2, 4, 6]), ("9x3", [1, 2, 2, 3, 4, 4, 5, 6, 6])])
def test_labels_come_from_the_pixel_at_the_centre(size: str, rows: list[int]) -> None:
    framing = Framing.parse("1:7,0:3", size)
    assert framing.sources((9, 9))[0].tolist() == rows
    assert framing.sources((9, 9))[1].tolist() == [0, 1, 2]


def test_images_shrink_by_area_and_grow_linearly() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[:, 1::2] = 200
    assert (Framing.parse(size="2x2").image(image) == 100).all()
    grown = Framing.parse("0:4,0:2", "4x4").image(image)
    assert grown[0, :, 0].tolist() == [0, 50, 150, 200]


@pytest.mark.parametrize("crop", ["", "all", "5:5,0:4", "0:4", "4:2,0:3", "-1:4,0:4", "0:4,0:4,0:4"])
def test_crops_that_are_none(crop: str) -> None:
    with pytest.raises(ConversionError, match=r"crop '.*' is not allowed; give none, nyud"):
        Framing.parse(crop)


@pytest.mark.parametrize("size", ["", "240", "0x4", "4x-1", "4X5", "4.5x3"])
def test_sizes_that_are_none(size: str) -> None:
    with pytest.raises(ConversionError, match=r"size '.*' is not allowed; give height x width"):
        Framing.parse(size=size)


def test_crops_stay_inside() -> None:
    Framing.parse("0:6,0:8").check((6, 8))
    with pytest.raises(ConversionError, match=r"crop 45:470,40:600 leaves the frames, which have 6 rows and 8 col"):
        Framing.parse("nyud").check((6, 8))


def test_the_camera_counts_from_zero_and_scales_with_the_frame() -> None:
    assert nyuv2_camera((480, 640)) == NYU_V2
    x, y = NYU_V2.rays(np.arange(480), np.arange(640))
    assert x[324] == pytest.approx((325 - 325.582449) / 518.857901, abs=1e-6)
    assert y[252] == pytest.approx((253 - 253.736166) / 519.469611, abs=1e-6)
    half_x, half_y = nyuv2_camera((240, 320)).rays(np.arange(240), np.arange(320))
    assert np.allclose(half_x, (x[::2] + x[1::2]) / 2, atol=1e-6)
    assert np.allclose(half_y, (y[::2] + y[1::2]) / 2, atol=1e-6)
