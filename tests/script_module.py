"""Files that are run and not imported, as modules."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def script_module(monkeypatch: pytest.MonkeyPatch, path: Path, prefix: str) -> ModuleType:
    """Import a file as ``python PATH`` does: with its folder first on the path.

    Not under its own name but behind ``prefix``: test.py would hide a module of the standard library.
    """
    monkeypatch.syspath_prepend(str(path.parent))
    spec = importlib.util.spec_from_file_location(f"{prefix}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module
