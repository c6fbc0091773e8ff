"""A folder that is there in full or not at all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from .errors import ConversionError


@contextlib.contextmanager
def complete_folder(out: Path, marker: str, overwrite: bool = False) -> Iterator[Path]:
    """Fill a folder beside the one that is wanted; rename it at the end, remove it if anything goes wrong.

    Args:
        out: The folder that is wanted.
        marker: File that the caller writes; a folder without it is never replaced, whatever ``overwrite`` says.
        overwrite: Replace a folder of an earlier conversion.

    Yields:
        The folder to fill, empty.

    Raises:
        ConversionError: ``out`` has content that must stay, or another conversion works beside it.
    """
    out = out.resolve()
    _check(out, marker, overwrite)
    partial, replaced = out.with_name(f"{out.name}.partial"), out.with_name(f"{out.name}.replaced")
    for leftover in (partial, replaced):
        if leftover.exists():
            raise ConversionError(
                f"'{leftover}' exists: another conversion is at work, or one was killed; remove it if none is"
            )
    partial.mkdir(parents=True)
    try:
        yield partial
        if out.exists():
            out.rename(replaced)
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        if replaced.exists() and not out.exists():
            replaced.rename(out)
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def _check(out: Path, marker: str, overwrite: bool) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise ConversionError(f"out '{out}' is not a folder; give a new one")
    if not any(out.iterdir()):
        return
    if not overwrite:
        raise ConversionError(f"out '{out}' is not empty; give a new folder, or --overwrite to replace it")
    if not (out / marker).is_file():
        raise ConversionError(f"out '{out}' has no {marker}, so no conversion made it: it is not replaced")
