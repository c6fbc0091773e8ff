"""What exported files have in common: the manifest's name, and packages that not everybody has."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["MANIFEST", "optional_package"]

MANIFEST = "manifest.json"
"""Name of the manifest in TorchScript files and exported programs, and among the properties of ONNX models."""


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
