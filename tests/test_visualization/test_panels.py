"""Pictures of single maps."""

from __future__ import annotations

import numpy as np
import pytest

from mmdymu.visualization.layout import captioned, grid, legend
from mmdymu.visualization.palette import default_palette
from mmdymu.visualization.panels import depth_panel, depth_range, grey_panel, label_panel, normals_panel


def test_classes_are_blended_and_void_is_dark() -> None:
    image = np.full((1, 3, 3), 100, np.uint8)
    palette = np.array([[200, 0, 0], [0, 200, 0]], np.uint8)
    panel = label_panel(np.array([[0, 1, 255]]), palette, image, alpha=0.5)
    assert panel.tolist() == [[[150, 50, 50], [50, 150, 50], [50, 50, 50]]]


def test_depth_shares_a_range_and_marks_invalid_pixels() -> None:
    panel = depth_panel(np.array([[1.0, 5.0, 9.0, 0.0, np.nan]]), (1.0, 5.0))
    assert panel.shape == (1, 5, 3) and panel.dtype == np.uint8
    assert np.array_equal(panel[0, 1], panel[0, 2])
    assert panel[0, 3].tolist() == panel[0, 4].tolist() == [0, 0, 0]
    assert panel[0, 1, 0] > panel[0, 1, 2], "far is red"


def test_depth_range_leaves_invalid_pixels_out() -> None:
    low, high = depth_range(np.array([0.0, 2.0, 4.0, np.inf]))
    assert 2 <= low < high <= 4
    assert depth_range(np.zeros(3)) == (0.0, 1.0)
    low, high = depth_range(np.full(3, 2.0))
    assert low < high


def test_normals_have_the_usual_colours() -> None:
    normals = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0], [0, 0, 0]], float).T.reshape(3, 1, 4)
    assert normals_panel(normals)[0].tolist() == [[128, 128, 255], [255, 128, 128], [128, 0, 128], [0, 0, 0]]


def test_grey_tells_void_from_zero() -> None:
    panel = grey_panel(np.array([[0, 1, 255]]))
    assert panel[0, 0].tolist() == [0, 0, 0] and panel[0, 1].tolist() == [255, 255, 255]
    assert len(set(panel[0, 2].tolist())) > 1


@pytest.mark.parametrize("number", [0, 1, 21, 59])
def test_default_colours_are_distinct_and_stable(number: int) -> None:
    palette = default_palette(number)
    assert palette.shape == (number, 3) and palette.dtype == np.uint8
    assert len({tuple(colour) for colour in palette.tolist()}) == number
    assert np.array_equal(palette, default_palette(60)[:number])


def test_cells_and_grid_have_the_expected_size() -> None:
    cell = captioned(np.zeros((2, 3, 3), np.uint8), "text", (40, 60))
    assert cell.shape[1:] == (60, 3) and cell.shape[0] > 40
    picture = grid([[cell, cell], [cell, cell]])
    assert picture.shape[0] > 2 * cell.shape[0] and picture.shape[1] > 2 * cell.shape[1]


def test_legend_copes_with_any_number_of_names() -> None:
    for number in (0, 1, 200):
        entries = [(f"class {k}", (250, k, 0)) for k in range(number)]
        panel = legend(entries, (96, 128))
        assert panel.shape == (96, 128, 3)
        assert bool((panel[..., 0] == 250).any()) is (number > 0)
