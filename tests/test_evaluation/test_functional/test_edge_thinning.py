"""Thinning against scikit-image, boundaries against a loop over pixels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label
from skimage.morphology import thin

from mmdymu.evaluation.functional import label_boundaries, thin_edges


@pytest.mark.parametrize("blur", [0.0, 0.7, 1.5, 4.0])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (17, 1), (23, 31), (60, 40)])
def test_thinning_equals_scikit_image(shape: tuple[int, int], blur: float) -> None:
    noise = gaussian_filter(np.random.default_rng(0).standard_normal(shape), blur)
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        mask = noise <= np.quantile(noise, share)
        np.testing.assert_array_equal(thin_edges(mask), thin(mask))


def test_every_neighbourhood_is_treated_as_scikit_image_does() -> None:
    """All 512 images of 3x3 pixels, side by side with a gap of two."""
    codes = np.arange(512)
    tiles = (codes[:, None] >> np.arange(9) & 1).reshape(16, 32, 3, 3).astype(bool)
    mask = np.pad(tiles, ((0, 0), (0, 0), (1, 1), (1, 1))).transpose(0, 2, 1, 3).reshape(16 * 5, 32 * 5)
    np.testing.assert_array_equal(thin_edges(mask), thin(mask))


def test_thinning_keeps_pieces_and_is_done_once() -> None:
    mask = gaussian_filter(np.random.default_rng(1).standard_normal((50, 60)), 2) > 0.02
    thinned = thin_edges(mask)
    assert thinned.sum() < mask.sum() / 2 and not (thinned & ~mask).any()
    assert label(thinned, np.ones((3, 3)))[1] == label(mask, np.ones((3, 3)))[1]
    np.testing.assert_array_equal(thin_edges(thinned), thinned)


def test_thinning_leaves_its_argument_alone() -> None:
    mask = np.ones((5, 9), bool)
    line = thin_edges(mask)
    assert mask.all()
    assert line[2].sum() == line.sum() > 1, "a bar becomes a line along its middle"


def test_boundary_of_a_square() -> None:
    labels = np.zeros((5, 6), int)
    labels[2:4, 2:4] = 7
    expected = ["......", ".###..", ".#.#..", ".###..", "......"]
    assert ["".join(".#"[v] for v in row) for row in label_boundaries(labels).astype(int)] == expected


def test_boundaries_equal_loop() -> None:
    labels = np.random.default_rng(0).choice([0, 1, 2, 255], (7, 9), p=[0.4, 0.3, 0.2, 0.1])
    edges = label_boundaries(labels)
    for y, x in np.ndindex(labels.shape):
        others = [labels[y + a, x + b] for a, b in ((0, 1), (1, 0), (1, 1)) if y + a < 7 and x + b < 9]
        differs = labels[y, x] != 255 and any(other not in (255, labels[y, x]) for other in others)
        assert edges[y, x] == differs


def test_another_ignore_index() -> None:
    labels = np.array([[0, 9, 1, 255]])
    assert label_boundaries(labels, ignore_index=9).tolist() == [[False, False, True, False]]
