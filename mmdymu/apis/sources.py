"""What a user hands over to be predicted: files, arrays, folders, videos; each image under a name of its own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mmcv import VideoReader
from mmengine.logging import print_log

from .pipeline import Image, check_array

__all__ = ["IMAGE_SUFFIXES", "VIDEO_SUFFIXES", "Source", "list_sources"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


@dataclass(frozen=True)
class Source:
    """One image, or one video.

    Attributes:
        name: Path of its results below a folder, without suffix; no two sources of a call have the same.
        image: A file or an array; of a video the file.
        frames: Number of frames that a video says to have; None for an image.
        fps: Frames a second of a video.
    """

    name: str
    image: Image
    frames: int | None = None
    fps: float = 0.0

    def __iter__(self) -> Iterator[tuple[str, Image]]:
        """Names and images; the frames of a video are called ``NAME/000000`` and so on."""
        if self.frames is None:
            yield self.name, self.image
            return
        reader, count = VideoReader(str(self.image)), 0
        while (frame := reader.read()) is not None:
            yield f"{self.name}/{count:06d}", frame
            count += 1
        if count < self.frames:
            print_log(f"video {str(self.image)!r}: {count} of {self.frames} frames could be read", "current")


def list_sources(inputs: Any) -> list[Source]:
    """Finds all images and videos.

    A file is called by its name without suffix, a file of a folder by its path below it, an array by its place in the
    list. Where that is not unique, files are called by their paths below the folder that all have in common, then with
    their suffixes, and what is there twice gets a number.

    Args:
        inputs: A file, a folder, an array (H, W, 3) uint8, BGR, or a list of these. Of a folder, all images below it
            are taken, in alphabetical order; hidden ones are not.

    Raises:
        FileNotFoundError: If a path does not exist.
        TypeError: If an entry is neither path nor array, or an array is not uint8.
        ValueError: If the list or a folder is empty, an array has another shape, or a video cannot be read.
    """
    listed: Sequence[Any] = inputs if isinstance(inputs, list | tuple) else [inputs]
    if not listed:
        raise ValueError("inputs is an empty list: give at least one image")
    sources: list[Source] = []
    for number, entry in enumerate(listed):
        if isinstance(entry, str | Path):
            sources.extend(_of_path(str(entry)))
        else:
            sources.append(Source(f"array_{number:06d}", check_array(entry, f"inputs[{number}]")))
    return _with_unique_names(sources)


def _of_path(path: str) -> list[Source]:
    if Path(path).is_dir():
        found = [file for file in sorted(Path(path).rglob("*")) if _is_image(file.relative_to(path))]
        if not found:
            raise ValueError(f"folder {path!r} has no images ({', '.join(IMAGE_SUFFIXES)})")
        return [Source(_bare(file.relative_to(path)), str(file)) for file in found]
    if "://" not in path and not Path(path).is_file():
        raise FileNotFoundError(f"input {path!r} does not exist")
    if Path(path).suffix.lower() not in VIDEO_SUFFIXES:
        return [Source(Path(path).stem or "image", path)]
    reader = VideoReader(path)
    if not reader.opened or reader.width < 1:
        raise ValueError(f"{path!r} is no video that can be read")
    return [Source(Path(path).stem, path, max(reader.frame_cnt, 0), reader.fps)]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not any(part.startswith(".") for part in path.parts)


def _bare(path: Path) -> str:
    return path.with_suffix("").as_posix()


def _with_unique_names(sources: list[Source]) -> list[Source]:
    paths = [os.path.abspath(source.image) for source in sources if not isinstance(source.image, np.ndarray)]
    common = os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else ""

    def below(source: Source) -> str:
        if isinstance(source.image, np.ndarray):
            return source.name
        return Path(os.path.relpath(os.path.abspath(source.image), common)).as_posix()

    ways: list[Callable[[Source], str]] = [lambda source: source.name, lambda source: _bare(Path(below(source))), below]
    for way in ways:
        names = [way(source) for source in sources]
        if len(set(names)) == len(names) and not _in_videos(sources, names):
            break
    return [replace(source, name=name) for source, name in zip(sources, _numbered(names), strict=True)]


def _in_videos(sources: Sequence[Source], names: Sequence[str]) -> bool:
    """Whether a name lies where the frames of a video have theirs."""
    folders = {name for source, name in zip(sources, names, strict=True) if source.frames is not None}
    return any(parent.as_posix() in folders for name in names for parent in Path(name).parents)


def _numbered(names: Sequence[str]) -> list[str]:
    """The names, those that were there before with a number behind."""
    taken, seen, unique = set(names), Counter[str](), []
    for name in names:
        seen[name] += 1
        new, number = name, seen[name]
        while number > 1 and (new := f"{name}_{number}") in taken:
            number += 1
        taken.add(new)
        unique.append(new)
    return unique
