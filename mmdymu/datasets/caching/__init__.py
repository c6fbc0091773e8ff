"""What is made once and kept on disk: folders, locks, and work spread over processes."""

from __future__ import annotations

from .folders import cache_folder
from .locking import locked
from .parallel import map_parallel, worker_count

__all__ = ["cache_folder", "locked", "map_parallel", "worker_count"]
