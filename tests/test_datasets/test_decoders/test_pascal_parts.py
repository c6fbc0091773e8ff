from __future__ import annotations

import numpy as np
import pytest
from test_datasets.mat_files import mat, parts_mat

from mmdymu.datasets.decoders import PART_GROUPS, PascalPartsDecoder

SHAPE = (4, 6)
RAW = (
    "hair", "head", "lear", "rear", "lebrow", "rebrow", "leye", "reye", "mouth", "nose", "neck", "torso",
    "luarm", "ruarm", "llarm", "rlarm", "lhand", "rhand", "luleg", "ruleg", "llleg", "rlleg", "lfoot", "rfoot",
)  # fmt: skip


def region(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[rows, columns] = 1
    return mask


EVERYWHERE = region(slice(None), slice(None))


@pytest.mark.parametrize("count", [1, 4, 6, 14])
def test_each_grouping_covers_every_part_once(count: int) -> None:
    groups = PART_GROUPS[count]
    assert len(groups) == count
    assert sorted(name for names in groups for name in names) == sorted(RAW)


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("nose", {1: 1, 4: 1, 6: 1, 14: 1}),
        ("neck", {1: 1, 4: 2, 6: 2, 14: 2}),
        ("luarm", {1: 1, 4: 3, 6: 3, 14: 3}),
        ("ruarm", {1: 1, 4: 3, 6: 3, 14: 4}),
        ("rhand", {1: 1, 4: 3, 6: 4, 14: 8}),
        ("ruleg", {1: 1, 4: 4, 6: 5, 14: 10}),
        ("lfoot", {1: 1, 4: 4, 6: 6, 14: 13}),
    ],
)
def test_classes_of_a_part(name: str, classes: dict[int, int]) -> None:
    content = parts_mat([("person", 15, EVERYWHERE, [(name, region(slice(1, 3), slice(2, 5)))])])
    for count, label in classes.items():
        labels = PascalPartsDecoder(count)(content)
        assert (labels == label * region(slice(1, 3), slice(2, 5))).all()


def test_later_parts_and_people_cover_earlier_ones() -> None:
    first = ("person", 15, EVERYWHERE, [("torso", EVERYWHERE), ("head", region(slice(0, 2), slice(0, 3)))])
    second = ("person", 15, EVERYWHERE, [("lfoot", region(slice(1, 4), slice(2, 4)))])
    labels = PascalPartsDecoder(6)(parts_mat([first, second]))
    expected = np.full(SHAPE, 2)
    expected[0:2, 0:3] = 1
    expected[1:4, 2:4] = 6
    assert labels.dtype == np.uint8
    assert (labels == expected).all()


def test_only_people_with_parts_count() -> None:
    dog = ("dog", 12, EVERYWHERE, [("head", EVERYWHERE)])
    bare = ("person", 15, EVERYWHERE, [])
    labels = PascalPartsDecoder()(parts_mat([dog, bare]))
    assert labels.shape == SHAPE
    assert not labels.any()


def test_a_file_without_objects_has_no_size() -> None:
    assert PascalPartsDecoder()(parts_mat([])).tolist() == [[0]]


def test_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="unknown part 'tail'"):
        PascalPartsDecoder()(parts_mat([("person", 15, EVERYWHERE, [("tail", EVERYWHERE)])]))
    with pytest.raises(ValueError, match="no variable 'anno'"):
        PascalPartsDecoder()(mat(other=1))
    with pytest.raises(ValueError, match="not a PASCAL-Part annotation"):
        PascalPartsDecoder()(mat(anno=np.zeros((2, 2))))
    with pytest.raises(ValueError, match="parts=5"):
        PascalPartsDecoder(5)
