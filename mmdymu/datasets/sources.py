"""Where a label lies and how its file becomes stored numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmdymu.registry import LABEL_DECODERS, build_own

from .decoders import LabelDecoder
from .reading import read_array


@dataclass(frozen=True)
class LabelSource:
    """Files of one kind of label.

    Attributes:
        folders: Folders below the data root; the first that has the file counts.
        suffix: End of a file's name after the image's id, with the dot.
        decoder: Reads files that are more than an image or an array; None reads images and ``.npy``.
    """

    folders: tuple[str, ...]
    suffix: str = ".png"
    decoder: LabelDecoder | None = None

    @classmethod
    def from_config(cls, name: str, config: Mapping[str, Any]) -> LabelSource:
        """Reads ``folder`` (default: the task's name; several as a list), ``suffix`` and ``decoder``.

        Raises:
            ValueError: If the folder is empty, or a file form needs a decoder and has none.
        """
        folder = config.get("folder", name)
        folders = (folder,) if isinstance(folder, str) else tuple(folder)
        suffix, decoder = str(config.get("suffix", ".png")), config.get("decoder")
        if not folders:
            raise ValueError(f"tasks['{name}'] has folder={folder!r}; name one folder or more")
        if suffix.endswith(".mat") and decoder is None:
            raise ValueError(f"tasks['{name}'] reads '{suffix}' files; add decoder=dict(type='MatDecoder', key=…)")
        return cls(folders, suffix, None if decoder is None else build_own(LABEL_DECODERS, decoder))

    @property
    def cached(self) -> bool:
        """Whether decoded files are kept as PNGs."""
        return self.decoder is not None and self.decoder.cached

    def find(self, root: Path, name: str) -> Path | None:
        """The file of an image, or None."""
        return next((path for path in self.candidates(root, name) if path.is_file()), None)

    def candidates(self, root: Path, name: str) -> Sequence[Path]:
        """Where the file of an image may lie."""
        return [root / folder / f"{name}{self.suffix}" for folder in self.folders]

    def read(self, content: bytes) -> np.ndarray:
        """Stored numbers.

        Raises:
            ValueError: If the content cannot be read.
        """
        return read_array(content, self.suffix) if self.decoder is None else self.decoder(content)
