from __future__ import annotations

import numpy as np
import pytest
from test_datasets.mat_files import mat

from mmdymu.datasets.decoders import MatDecoder, MembershipDecoder


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_a_variable_keeps_shape_and_type(dtype: type) -> None:
    array = np.arange(12).reshape(3, 4).astype(dtype)
    read = MatDecoder("depth")(mat(depth=array, other=np.zeros(2)))
    assert read.dtype == dtype
    assert (read == array).all()


@pytest.mark.parametrize(
    ("content", "message"), [(b"no matlab", "not a MATLAB file"), (mat(a=1), "no variable 'depth'")]
)
def test_refuses_other_files(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MatDecoder("depth")(content)


def test_membership_marks_the_given_ids() -> None:
    classes = np.array([[440, 3, 7], [158, 4, 459]], np.uint16)
    mask = MembershipDecoder("LabelMap", [3, 4, 440, 158])(mat(LabelMap=classes))
    assert mask.dtype == np.uint8
    assert mask.tolist() == [[1, 1, 0], [1, 1, 0]]


def test_settings_tell_decoders_apart() -> None:
    decoders = [MatDecoder("a"), MatDecoder("b"), MembershipDecoder("a", (1, 2)), MembershipDecoder("a", (1, 3))]
    assert len({repr(decoder) for decoder in decoders}) == 4
    assert repr(MembershipDecoder("a", [1, 2])) == repr(MembershipDecoder("a", (1, 2)))
