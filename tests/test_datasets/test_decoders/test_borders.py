from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from test_datasets.mat_files import mat

from mmdymu.datasets.decoders import BordersDecoder
from mmdymu.datasets.decoders.borders import borders


def random_classes(seed: int) -> np.ndarray:
    """A few blobs of large class ids."""
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(1, 460, (4, 5)), np.ones((9, 8), int)).astype(np.uint16)


def plain_laplacian(classes: np.ndarray) -> np.ndarray:
    height, width = classes.shape
    mask = np.zeros(classes.shape, bool)
    for y in range(height):
        for x in range(width):
            around = [
                classes[min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)]
                for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))
            ]
            mask[y, x] = sum(map(int, around)) != 4 * int(classes[y, x])
    return mask


@pytest.mark.parametrize("seed", range(3))
def test_borders_lie_on_the_laplacian_and_are_thin(seed: int) -> None:
    classes = random_classes(seed)
    edges = borders(classes)
    mask = plain_laplacian(classes)
    assert set(np.unique(edges)) == {0, 1}
    assert not (edges.astype(bool) & ~mask).any()
    # Thinning keeps what is connected and leaves no 2x2 block.
    eight = np.ones((3, 3))
    assert ndimage.label(edges, eight)[1] == ndimage.label(mask, eight)[1]
    blocks = edges[:-1, :-1] + edges[1:, :-1] + edges[:-1, 1:] + edges[1:, 1:]
    assert (blocks == 4).mean() < 0.01


def test_one_border_between_two_halves() -> None:
    classes = np.ones((10, 12), np.uint16)
    classes[:, 6:] = 459
    edges = borders(classes)
    assert edges[2:-2].sum(1).tolist() == [1] * 6
    assert not edges[:, :5].any()
    assert not edges[:, 7:].any()


def test_a_single_class_has_no_border() -> None:
    assert not borders(np.full((5, 5), 431)).any()


@pytest.mark.parametrize("width", [2, 3, 5])
def test_width(width: int) -> None:
    classes = np.ones((20, 30), np.uint16)
    classes[:, 15:] = 2
    assert borders(classes, width)[8:12].sum(1).tolist() == [width] * 4


def test_reads_the_file() -> None:
    classes = random_classes(1)
    edges = BordersDecoder("LabelMap", width=1)(mat(LabelMap=classes))
    assert edges.dtype == np.uint8
    assert (edges == borders(classes)).all()
    with pytest.raises(ValueError, match="width=0"):
        BordersDecoder("LabelMap", width=0)
