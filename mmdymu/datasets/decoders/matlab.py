"""Arrays in MATLAB files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.io import loadmat

from mmdymu.registry import LABEL_DECODERS

from .base import LabelDecoder


@LABEL_DECODERS.register_module()
@dataclass(frozen=True)
class MatDecoder(LabelDecoder):
    """One variable of a ``.mat`` file, up to MATLAB 7.2.

    Args:
        key: Name of the variable.
    """

    key: str

    def __call__(self, content: bytes) -> np.ndarray:
        """The variable, with its shape and type.

        Raises:
            ValueError: The content is no such file or lacks the variable.
        """
        return np.asarray(read_mat(content, self.key))


def read_mat(content: bytes, key: str) -> Any:
    """One variable of a MATLAB file.

    Raises:
        ValueError: The content is no such file or lacks the variable.
    """
    try:
        variables = loadmat(io.BytesIO(content), variable_names=[key])
    except Exception as error:  # SciPy raises what its parser happens to stumble over.
        raise ValueError(f"the content is not a MATLAB file of version 7.2 or earlier ({error})") from error
    if key not in variables:
        raise ValueError(f"the MATLAB file has no variable {key!r}")
    return variables[key]
