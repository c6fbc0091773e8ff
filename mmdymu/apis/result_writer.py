"""Which results of a call are kept, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .output_folder import OutputFolder, OverlayVideo
from .predictions import FORMATS, as_file, png
from .sources import Source

__all__ = ["ResultOptions", "ResultWriter"]


@dataclass(frozen=True)
class ResultOptions:
    """What is kept of a call.

    Attributes:
        out_dir: Folder that files are written into, or None.
        map_format: As in :func:`~mmdymu.apis.predictions.as_file`.
        overwrite: Whether files may be replaced.
        return_maps: Whether the call returns its maps.
        overlays: Whether every image gets a picture.
        save_video: Whether videos get one of their pictures.

    Raises:
        ValueError: If ``map_format`` is unknown.
    """

    out_dir: str | Path | None = None
    map_format: str = "png"
    overwrite: bool = False
    return_maps: bool = True
    overlays: bool = True
    save_video: bool = False

    def __post_init__(self) -> None:
        """Validate."""
        if self.map_format not in FORMATS:
            raise ValueError(f"map_format={self.map_format!r} is unknown, use one of {FORMATS}")


class ResultWriter:
    """Writes maps, overlays and videos of one call; without a folder it writes nothing.

    Args:
        options: What is kept.
        sources: All images and videos of the call.
        tasks: The model's tasks.

    Raises:
        ValueError: If results are there already, there is nothing to make a video of, or no folder for it.
    """

    def __init__(self, options: ResultOptions, sources: Sequence[Source], tasks: Sequence[str]) -> None:
        self.options, save_video = options, options.save_video
        self.folder = None if options.out_dir is None else OutputFolder(options.out_dir, options.overwrite)
        self._overlays = options.overlays and self.folder is not None
        videos = {source.name: source.fps for source in sources if source.frames is not None}
        if save_video and (self.folder is None or not videos):
            raise ValueError("save_video needs an out_dir, and a video among the inputs")
        self._fps = videos if save_video else {}
        self._video: OverlayVideo | None = None
        if self.folder is not None:
            images = [source.name for source in sources if source.frames is None]
            images += [f"{name}/000000" for name in videos]
            self.folder.check_free(_files(images, tasks))
            self.folder.check_free(f"videos/{name}.mp4" for name in self._fps)

    @property
    def draws(self) -> bool:
        """Whether pictures are needed."""
        return self._overlays or bool(self._fps)

    def write(self, name: str, arrays: Mapping[str, Mapping[str, Any]], picture: np.ndarray | None) -> dict[str, str]:
        """Writes the results of one image.

        Args:
            name: The image's.
            arrays: Predictions by task.
            picture: (H, W, 3) uint8, RGB, or None.

        Returns:
            The files: ``maps/TASK`` of every task, and ``overlay``.

        Raises:
            ValueError: If a file exists, and may not be overwritten.
        """
        if self.folder is None:
            return {}
        files = {}
        for task, prediction in arrays.items():
            suffix, content = as_file(prediction, self.options.map_format)
            files[f"maps/{task}"] = str(self.folder.write(f"maps/{task}/{name}{suffix}", content))
        if picture is not None and self._overlays:
            files["overlay"] = str(self.folder.write(f"overlays/{name}.png", png(picture)))
        if picture is not None:
            self._film(name.rpartition("/")[0], picture)
        return files

    def _film(self, video: str, picture: np.ndarray) -> None:
        """Adds a frame; another video's first frame ends the one before."""
        assert self.folder is not None
        name = f"videos/{video}.mp4"
        if self._video is not None and self._video.name != name:
            self.finish()
        if video in self._fps:
            self._video = self._video or OverlayVideo(self.folder, name, self._fps[video])
            self._video.add(picture)

    def finish(self) -> None:
        """Puts the last video to its place, when all images are through."""
        if self._video is not None:
            self._video.finish()
            self._video.close()
            self._video = None

    def close(self) -> None:
        """Drops a video that is not finished."""
        if self._video is not None:
            self._video.close()


def _files(names: Sequence[str], tasks: Sequence[str]) -> list[str]:
    """All that images may leave."""
    maps = [f"maps/{task}/{name}{suffix}" for name in names for task in tasks for suffix in (".png", ".npy", ".json")]
    return maps + [f"overlays/{name}.png" for name in names]
