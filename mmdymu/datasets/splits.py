"""Which images belong to a split."""

from __future__ import annotations

import re
from pathlib import Path


def ids_of_split(path: Path) -> list[str]:
    """Ids of a text file, one a line; blank lines are skipped.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: It names no image.
    """
    if not path.is_file():
        raise FileNotFoundError(f"split file '{path.absolute()}' (ann_file) does not exist")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"split file '{path.absolute()}' (ann_file) is no UTF-8 text: {error}") from error
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        raise ValueError(f"split file '{path.absolute()}' (ann_file) names no image: write one id a line")
    return ids


def ids_of_folder(folder: Path, suffix: str) -> list[str]:
    """Ids of all files with a suffix, in the order of the numbers in their names.

    Raises:
        ValueError: There is none.
    """
    ids = [path.name.removesuffix(suffix) for path in folder.iterdir() if path.name.endswith(suffix)]
    if not ids:
        raise ValueError(f"image folder '{folder.absolute()}' holds no '*{suffix}' file (img.suffix)")
    return sorted(ids, key=_natural)


def _natural(name: str) -> list[tuple[int, int | str]]:
    """Digits compare as numbers: 2 comes before 10."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name)]
