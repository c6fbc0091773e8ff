"""NYU Depth V2 from its official files to a folder that ``MultiTaskDataset`` reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdymu.datasets.caching import map_parallel

from .errors import ConversionError
from .framing import WHOLE_FRAME, Framing
from .nyuv2_classes import class_table, read_splits
from .nyuv2_frame import FOLDERS, FrameConverter, frame_name
from .nyuv2_mat import NyuV2Mat
from .output_folder import complete_folder

# Tells a conversion's folder from others, and how it was made.
MARKER = "conversion.json"


@dataclass(frozen=True)
class NyuV2Conversion:
    """What to convert, and how.

    Attributes:
        source: nyu_depth_v2_labeled.mat: images, labels, depths and, if present, instances.
        splits: splits.mat: trainNdxs and testNdxs, from 1.
        mapping: classMapping40.mat: mapClass, the class 1 to 40 of each of 894 raw classes.
        classes: 40 or 13.
        framing: Crop and size.
        window: Pixels across the window that normals are fitted in, odd.
    """

    source: Path
    splits: Path
    mapping: Path
    classes: int = 40
    framing: Framing = WHOLE_FRAME
    window: int = 11

    def __post_init__(self) -> None:
        """Checks the window before hours of work."""
        if self.window < 3 or self.window % 2 == 0:
            raise ConversionError(f"window={self.window} must be an odd number of pixels, 3 or more")

    @property
    def record(self) -> dict[str, Any]:
        """Options as they are kept beside the data."""
        crop, size = self.framing.crop, self.framing.size
        return {
            "source": self.source.name,
            "classes": self.classes,
            "crop": None if crop is None else list(crop),
            "size": None if size is None else list(size),
            "window": self.window,
        }


def convert_nyuv2(
    conversion: NyuV2Conversion, out: Path, overwrite: bool = False, num_workers: int | None = None
) -> dict[str, int]:
    """Write images and labels of the frames that the splits name; ``out`` appears when it is complete.

    ``out`` holds ``images`` (RGB), ``semseg`` (0 to classes - 1, 255 = unlabelled), ``depth`` (16 bits,
    millimetres, 0 = invalid), ``normals`` (16 bits RGB, n = v / 32767.5 - 1, x right, y up, z to the camera,
    (0, 0, 0) = none), ``edges`` (1 bit), all as ``0001.png``, ..., with ``train.txt``, ``test.txt`` and a record of
    the options. ``configs/_base_/datasets/nyuv2_converted.py`` reads it.

    Args:
        conversion: Input files and options.
        out: New folder.
        overwrite: Replace the folder of an earlier conversion, once the new one is complete.
        num_workers: Processes; 0 works in this one; None: one for each usable core.

    Returns:
        Number of frames of each split.

    Raises:
        ImportError: h5py is not installed.
        FileNotFoundError: An input file is missing.
        ConversionError: Input or options are not what they should be, or ``out`` has content that must stay.
    """
    source = NyuV2Mat(conversion.source)
    frames, *shape = source.shape()
    conversion.framing.check((shape[0], shape[1]))
    table = class_table(conversion.mapping, conversion.classes)
    splits = read_splits(conversion.splits, frames)
    with complete_folder(out, MARKER, overwrite) as folder:
        for name in FOLDERS:
            (folder / name).mkdir()
        converter = FrameConverter(source, conversion.framing, table, conversion.window, folder)
        map_parallel(converter, sorted(number for numbers in splits.values() for number in numbers), num_workers)
        for name, numbers in splits.items():
            lines = [f"{frame_name(number)}\n" for number in numbers]
            (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
        (folder / MARKER).write_text(json.dumps(conversion.record, indent=2) + "\n", encoding="utf-8")
    return {name: len(numbers) for name, numbers in splits.items()}
