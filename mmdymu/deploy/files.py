"""Files that are either whole or not there, and packages that not everybody has."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

__all__ = ["MANIFEST", "optional_package", "whole_file"]

MANIFEST = "manifest.json"
"""Name of the manifest in TorchScript files and exported programs, and among the properties of ONNX models."""


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary name beside ``path``, moved to it if all went well and removed otherwise.

    Args:
        path: The file to write; its folder is made.

    Yields:
        The file to write to, with the same ending.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f".{final.stem}.{os.getpid()}.unfinished{final.suffix}")
    try:
        yield temporary
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


def optional_package(name: str) -> ModuleType:
    """Imports a package of the extra ``export``.

    Raises:
        ModuleNotFoundError: If it is missing, with the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is needed for ONNX and is not installed: python -m pip install -r requirements/export.txt",
            name=error.name,
        ) from error
