"""Decoded label files on disk: slow forms are decoded once and then read as PNGs.

A cached file's name holds its source's path, size and time of change, so that its presence means that it is right: a
changed source has another name, and the old file is removed after some days. Files are written under a temporary name
and renamed, so that a killed run leaves nothing half-written and what it has done stays done.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import cv2
from mmengine.logging import print_log

from .caching import locked, map_parallel
from .decoders import LabelDecoder

KEPT_SECONDS = 7 * 24 * 3600


def cached_labels(
    sources: Sequence[Path], decoder: LabelDecoder, cache_dir: Path, num_workers: int | None = None
) -> list[Path]:
    """PNGs of label files; those that are missing or out of date are decoded first, by several processes.

    Args:
        sources: Label files.
        decoder: Reads them.
        cache_dir: Folder of the caches; made if absent.
        num_workers: Processes; 0 works in this one; None: one for each usable core.

    Returns:
        One PNG a source.

    Raises:
        ValueError: A file cannot be decoded; its path is named.
        OSError: The cache folder cannot be written.
    """
    settings = hashlib.sha256(f"{decoder!r} {decoder.version}".encode()).hexdigest()[:12]
    folder = cache_dir / f"{type(decoder).__name__}-{settings}"
    targets = [folder / _name(source) for source in sources]
    if not _missing(sources, targets, folder):
        return targets
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock", "decoding the same labels") as alone:
        if alone:  # What killed runs left.
            _remove(folder.glob("*.tmp"))
        jobs = _missing(sources, targets, folder)
        if jobs:
            print_log(f"Decoding {len(jobs)} label files into {folder}", "current")
            map_parallel(partial(_decode, decoder), jobs, num_workers)
            _remove_outdated(folder, {target.name for _, target in jobs})
    return targets


def _name(source: Path) -> str:
    """Stem, path and state of a source; two sources, or two states, have two names."""
    state = source.stat()
    place = hashlib.sha256(str(source.absolute()).encode()).hexdigest()[:12]
    return f"{source.stem}-{place}-{state.st_size:x}-{state.st_mtime_ns:x}.png"


def _missing(sources: Sequence[Path], targets: Sequence[Path], folder: Path) -> list[tuple[Path, Path]]:
    present = set(os.listdir(folder)) if folder.is_dir() else set()
    return [(source, target) for source, target in zip(sources, targets, strict=True) if target.name not in present]


def _decode(decoder: LabelDecoder, job: tuple[Path, Path]) -> None:
    source, target = job
    try:
        labels = decoder(source.read_bytes())
    except (ValueError, IndexError) as error:
        raise ValueError(f"label file '{source}': {error}") from error
    encoded = cv2.imencode(".png", labels)[1]
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    temporary.write_bytes(encoded.tobytes())
    temporary.replace(target)


def _remove_outdated(folder: Path, fresh: set[str]) -> None:
    places = {_place(name) for name in fresh}
    # Not at once: another run may still read them.
    latest = time.time() - KEPT_SECONDS
    _remove(
        path
        for path in folder.glob("*.png")
        if path.name not in fresh and _place(path.name) in places and path.stat().st_mtime < latest
    )


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _place(name: str) -> str:
    """What the names of all states of one source begin with."""
    return name.rsplit("-", 2)[0]
