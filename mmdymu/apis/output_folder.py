"""Results on the disk: whole files or none, and nobody else's overwritten."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

__all__ = ["OutputFolder", "OverlayVideo"]


class OutputFolder:
    """A folder that results are written into; safe in several threads and processes.

    Args:
        root: Is made if need be.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        ValueError: If ``root`` is a file.
    """

    def __init__(self, root: str | Path, overwrite: bool = False) -> None:
        self.root, self.overwrite = Path(root), overwrite
        above = next(path for path in (self.root, *self.root.absolute().parents) if path.exists())
        if not above.is_dir():
            raise ValueError(f"out_dir {str(root)!r} must be a folder, but {str(above)!r} is a file")
        self.root.mkdir(parents=True, exist_ok=True)

    def check_free(self, names: Iterable[str]) -> None:
        """Complains before any work about results that are there already.

        Raises:
            ValueError: If a file exists, and files may not be overwritten.
        """
        if not self.overwrite:
            for name in names:
                if (self.root / name).exists():
                    raise _taken(self.root / name)

    def write(self, name: str, content: bytes) -> Path:
        """Writes a whole file, in one step.

        Raises:
            ValueError: If the file exists, and files may not be overwritten.
        """
        return self.place(name, lambda unfinished: unfinished.write_bytes(content))

    def place(self, name: str, write: Callable[[Path], object]) -> Path:
        """Lets ``write`` write a file under another name, and moves it to its place.

        Raises:
            ValueError: If the file exists, and files may not be overwritten.
        """
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".unfinished_{uuid.uuid4().hex}{path.suffix}")
        try:
            write(unfinished)
            self._move(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
        return path

    def _move(self, unfinished: Path, path: Path) -> None:
        if self.overwrite:
            unfinished.replace(path)
            return
        try:
            # Unlike a rename, a link never replaces a file that somebody has written meanwhile.
            os.link(unfinished, path)
        except FileExistsError as error:
            raise _taken(path) from error
        except OSError:  # A file system without links.
            if path.exists():
                raise _taken(path) from None
            unfinished.replace(path)


class OverlayVideo:
    """A video of pictures of one size, which is there when :meth:`finish` has been called.

    Args:
        folder: Where it goes.
        name: Its file below the folder, ``.mp4``.
        fps: Frames a second.
    """

    def __init__(self, folder: OutputFolder, name: str, fps: float) -> None:
        self.folder, self.name, self.fps = folder, name, fps
        self._writer: cv2.VideoWriter | None = None
        self._scratch = tempfile.TemporaryDirectory(prefix=".unfinished_", dir=folder.root)
        self._file = Path(self._scratch.name) / "video.mp4"

    def add(self, picture: np.ndarray) -> None:
        """Adds an (H, W, 3) picture, RGB.

        Raises:
            ValueError: If videos cannot be written here.
        """
        if self._writer is None:
            code = cv2.VideoWriter.fourcc(*"mp4v")
            size = (picture.shape[1], picture.shape[0])
            self._writer = cv2.VideoWriter(str(self._file), code, self.fps or 25.0, size)
            if not self._writer.isOpened():
                raise ValueError("this build of OpenCV cannot write MP4 videos: leave save_video out")
        self._writer.write(np.ascontiguousarray(picture[..., ::-1]))

    def finish(self) -> Path | None:
        """Puts the video to its place; None if it has no picture."""
        if self._writer is None:
            return None
        self._writer.release()
        self._writer = None
        return self.folder.place(self.name, lambda unfinished: self._file.replace(unfinished))

    def close(self) -> None:
        """Drops what is not finished."""
        if self._writer is not None:
            self._writer.release()
        self._scratch.cleanup()


def _taken(path: Path) -> ValueError:
    return ValueError(f"{str(path)!r} exists: choose another out_dir, or set overwrite=True (--overwrite)")
