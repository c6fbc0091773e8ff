"""Where caches lie."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "MMDYMU_CACHE"


def cache_folder(name: str) -> Path:
    """``$MMDYMU_CACHE/{name}``, else ``~/.cache/mmdymu/{name}`` (``$XDG_CACHE_HOME`` is respected)."""
    root = os.environ.get(CACHE_VARIABLE)
    if root:
        return Path(root).expanduser() / name
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "mmdymu" / name
