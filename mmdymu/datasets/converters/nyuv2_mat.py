"""The labelled frames of NYU Depth V2 as released: one MATLAB 7.3 file, which is HDF5."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .errors import ConversionError

# MATLAB's dimensions, H x W x 3 x N, stand in HDF5 in reverse.
_TYPES = {
    "images": ("uint8",),
    "labels": ("uint16", "uint8"),
    "depths": ("float32", "float64"),
    "instances": ("uint8",),
}
_NEEDED = ("images", "labels", "depths")


class NyuV2Frame(NamedTuple):
    """One frame.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        labels: (H, W) uint8 or uint16 raw classes, 0 = unlabelled.
        instances: (H, W) uint8 numbers of objects within a class, 0 = none.
        depth: (H, W) float, metres.
    """

    image: np.ndarray
    labels: np.ndarray
    instances: np.ndarray
    depth: np.ndarray


@dataclass(frozen=True)
class NyuV2Mat:
    """nyu_depth_v2_labeled.mat. It is opened anew for each call, so that processes share no file.

    Attributes:
        path: The file.
    """

    path: Path

    def shape(self) -> tuple[int, int, int]:
        """Look through the variables.

        Returns:
            Frames, rows, columns.

        Raises:
            ImportError: h5py is not installed.
            FileNotFoundError: There is no such file.
            ConversionError: It is not an HDF5 file, or a variable is missing or has the wrong type or shape.
        """
        if not self.path.is_file():
            raise FileNotFoundError(f"labelled file '{self.path}' does not exist")
        if not _h5py().is_hdf5(self.path):
            raise ConversionError(f"'{self.path}' is not an HDF5 (MATLAB 7.3) file; give nyu_depth_v2_labeled.mat")
        with self._opened() as file:
            for name in _NEEDED:
                if name not in file:
                    raise ConversionError(f"'{self.path}' has no variable {name!r}; found {', '.join(file)}")
            for name in _TYPES:
                if name in file:
                    self._check(file, name)
            frames, columns, rows = file["labels"].shape
        return frames, rows, columns

    def frame(self, number: int) -> NyuV2Frame:
        """Read a frame.

        Args:
            number: From 1.

        Raises:
            ConversionError: The file is damaged there.
        """
        try:
            with self._opened() as file:
                found = {name: _frame_of(file[name], number) for name in _TYPES if name in file}
        except OSError as error:
            raise ConversionError(f"frame {number} of '{self.path}' cannot be read: {error}") from error
        found.setdefault("instances", np.zeros(found["labels"].shape, np.uint8))
        return NyuV2Frame(found["images"], found["labels"], found["instances"], found["depths"])

    def _opened(self) -> Any:
        try:
            # Nobody writes the file, and some network file systems have no locks.
            return _h5py().File(self.path, "r", locking=False)
        except OSError as error:
            raise ConversionError(f"'{self.path}' cannot be opened, is it complete? {error}") from error

    def _check(self, file: Any, name: str) -> None:
        variable, size = file[name], getattr(file["labels"], "shape", ())
        expected = (*size[:1], 3, *size[1:]) if name == "images" else size
        if (
            len(size) != 3
            or getattr(variable, "shape", None) != expected
            or str(getattr(variable, "dtype", "")) not in _TYPES[name]
        ):
            found = f"{variable.dtype} {variable.shape}" if hasattr(variable, "dtype") else "no array"
            layout = "N x 3 x W x H" if name == "images" else "N x W x H"
            raise ConversionError(
                f"{name} in '{self.path}' must be {' or '.join(_TYPES[name])}, {layout} for labels of shape {size}, "
                f"found {found}"
            )


def _frame_of(variable: Any, number: int) -> np.ndarray:
    return np.ascontiguousarray(variable[number - 1].T)


def _h5py() -> ModuleType:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            "reading MATLAB 7.3 files needs h5py, which is not installed: pip install 'mmdymu[converters]'"
        ) from error
    return h5py
