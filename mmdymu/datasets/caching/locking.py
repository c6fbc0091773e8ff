"""One process works while others wait."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mmengine.logging import print_log

try:
    import fcntl
except ImportError:  # Windows: two processes may do the same work; what is renamed first wins.
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def locked(path: Path, work: str) -> Iterator[bool]:
    """Hold a lock file; the kernel drops the lock of a process that died.

    Args:
        path: The lock file; made if absent.
        work: What is done under the lock, for the message to those who wait.

    Yields:
        Whether locks work here.
    """
    with path.open("a") as file:
        yield _lock(file, work)
    # The file stays: removing it while others wait on it would let two processes hold "the" lock.


def _lock(file: IO[str], work: str) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except (BlockingIOError, PermissionError):
        print_log(f"Another process is {work}; waiting for it.", logger="current")
        fcntl.lockf(file, fcntl.LOCK_EX)
        return True
    except OSError as error:
        print_log(f"The cache folder has no file locks ({error}).", logger="current", level=logging.WARNING)
        return False
