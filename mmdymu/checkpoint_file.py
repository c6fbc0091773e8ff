"""Whether a file can be a checkpoint at all, told before anything is built."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

__all__ = ["check_checkpoint"]


def check_checkpoint(path: str | os.PathLike[str]) -> None:
    """Complains about a missing or damaged file; addresses (https://…) are left alone.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is cut off, or nothing that torch has saved.
    """
    name = os.fspath(path)
    if "://" in name:
        return
    if not Path(name).is_file():
        raise FileNotFoundError(f"checkpoint {name!r} does not exist; a run names its last one in last_checkpoint")
    with open(name, "rb") as file:
        begin = file.read(2)
    if begin == b"PK" and not zipfile.is_zipfile(name):
        raise ValueError(f"checkpoint {name!r} is cut off: copy it again")
    if begin != b"PK" and not begin.startswith(b"\x80"):  # 0x80: files of torch before 1.6
        raise ValueError(f"checkpoint {name!r} is no file that torch has saved")
