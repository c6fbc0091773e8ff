"""What a task's label is and how its files are decoded: values, checked once when a data set is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from .sources import LabelSource

KINDS = ("label", "depth", "normals")
IGNORE_LABEL = 255
BACKGROUND = "background"
# Stands for "outside the classes" in look-up tables, so that a check costs one comparison.
OUTSIDE = 254
_DEFAULT_SCALE = {"label": 1.0, "depth": 1.0, "normals": 1 / 127.5}
_DEFAULT_OFFSET = {"label": 0.0, "depth": 0.0, "normals": -1.0}
_DEFAULT_IGNORE = {"label": (IGNORE_LABEL,), "depth": (0,), "normals": ()}


@dataclass(frozen=True)
class Decoding:
    """How stored numbers become label values.

    Attributes:
        scale: Factor on stored values of depth (metres per step) and normals.
        offset: Added after scaling; for labels a whole number added to the stored class.
        ignore: Stored values without a label. Labels become 255, depth 0; for normals a pixel whose three
            channels all hold the value becomes (0, 0, 0).
        value_map: Labels only: stored value to class, looked up before ``ignore`` and ``offset``.
        renormalise: Normals only: divide by the length after scaling.
        y_down: Normals only: the stored y points down; it is negated.
    """

    scale: float
    offset: float
    ignore: tuple[float, ...]
    value_map: Mapping[int, int] = field(default_factory=dict)
    renormalise: bool = True
    y_down: bool = False


@dataclass(frozen=True)
class TaskSpec:
    """One task of a data set.

    Attributes:
        name: Key of the task.
        kind: 'label' (class per pixel, 255 = ignore), 'depth' (metres, 0 = invalid) or 'normals' (unit
            vectors in the camera frame, x right, y up, z to the camera; (0, 0, 0) = invalid).
        source: The label files.
        classes: Class names, labels only.
        palette: RGB of each class, labels only.
        optional: Whether an image may lack this label; it then counts as fully ignored.
        decoding: How stored values are read.
        mask: Files that are 0 where the label does not count, as for ``ignore``.
        resize: Whether a label of another size than its image is brought to it (nearest) instead of refused.
        coco: Annotation file in the COCO format, below the data root, that the label is drawn from; '' for none.
    """

    name: str
    kind: str
    source: LabelSource
    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    optional: bool
    decoding: Decoding
    mask: LabelSource | None = None
    resize: bool = False
    coco: str = ""

    @classmethod
    def from_config(cls, name: str, config: Mapping[str, Any]) -> TaskSpec:
        """Read one entry of ``tasks`` of a data set config.

        Args:
            name: Key of the entry.
            config: ``kind`` and, for labels, ``classes``; any field of :class:`TaskSpec`, :class:`Decoding` and
                :class:`LabelSource` (``folder`` for its ``folders``).

        Raises:
            TypeError: The entry is not a dict.
            ValueError: A field is unknown, missing or has a value that is not allowed.
        """
        if not isinstance(config, Mapping):
            raise TypeError(f"tasks['{name}'] must be a dict with the task's kind and folder, got {config!r}")
        kind = config.get("kind")
        if kind not in KINDS:
            raise ValueError(f"tasks['{name}'] has kind={kind!r}; allowed are {', '.join(KINDS)}")
        _check_fields(name, config, kind)
        classes = tuple(config.get("classes", ()))
        return cls(
            name=name,
            kind=kind,
            source=LabelSource.from_config(name, config),
            classes=_checked_classes(name, kind, classes),
            palette=_palette(name, config.get("palette"), classes),
            optional=bool(config.get("optional", False)),
            decoding=_decoding(name, kind, config),
            mask=_mask(name, config.get("mask")),
            resize=bool(config.get("resize", False)),
            coco=str(config.get("coco", "")),
        )

    @property
    def metainfo(self) -> dict[str, Any]:
        """``kind`` and, for labels, ``classes`` and ``palette``, as ``dataset.metainfo['tasks'][name]``."""
        if self.kind != "label":
            return {"kind": self.kind}
        return {
            "kind": self.kind,
            "classes": self.classes,
            "palette": [list(colour) for colour in self.palette],
        }

    @cached_property
    def label_table(self) -> np.ndarray:
        """Class of every stored byte, (256,) uint8; 255 = ignore, 254 = outside the classes."""
        return np.array([self.label_of(value) for value in range(256)], np.uint8)

    def label_of(self, value: int) -> int:
        """Class of one stored value, 255 = ignore, 254 = outside the classes."""
        decoding = self.decoding
        if value in decoding.value_map:
            label = decoding.value_map[value]
        elif value in decoding.ignore:
            label = IGNORE_LABEL
        else:
            label = value + int(decoding.offset)
        return label if label == IGNORE_LABEL or 0 <= label < len(self.classes) else OUTSIDE


def parse_tasks(tasks: Mapping[str, Mapping[str, Any]]) -> dict[str, TaskSpec]:
    """Read ``tasks`` of a data set config; the order is kept.

    Args:
        tasks: Task name to entry.

    Raises:
        ValueError: There is no task, or an entry is wrong.
        TypeError: ``tasks`` is not a dict of dicts.
    """
    if not isinstance(tasks, Mapping):
        raise TypeError(f"tasks must be a dict from task name to its description, got {tasks!r}")
    if not tasks:
        raise ValueError(
            "tasks is empty: a data set needs at least one task, e.g. tasks=dict(depth=dict(kind='depth'))"
        )
    return {str(name): TaskSpec.from_config(str(name), config) for name, config in tasks.items()}


_SOURCE_FIELDS = {"folder", "suffix", "decoder"}
_SPEC_FIELDS = (
    {f.name for f in fields(TaskSpec)} - {"name", "decoding", "source"}
    | {f.name for f in fields(Decoding)}
    | _SOURCE_FIELDS
)
_ONLY_FOR = {
    **dict.fromkeys(("classes", "palette", "value_map", "coco"), "label"),
    **dict.fromkeys(("renormalise", "y_down"), "normals"),
}


def _check_fields(name: str, config: Mapping[str, Any], kind: str) -> None:
    for key in config:
        if key not in _SPEC_FIELDS:
            raise ValueError(
                f"tasks['{name}'] has an unknown field {key!r}; allowed are {', '.join(sorted(_SPEC_FIELDS))}"
            )
        if _ONLY_FOR.get(key, kind) != kind:
            raise ValueError(f"tasks['{name}'] has kind='{kind}', but {key!r} belongs to kind='{_ONLY_FOR[key]}'")
    if kind == "label" and float(config.get("scale", 1)) != 1:
        raise ValueError(f"tasks['{name}'] has kind='label', so scale must stay 1; use value_map")
    if config.get("coco") and _SOURCE_FIELDS & config.keys():
        raise ValueError(
            f"tasks['{name}'] has coco and {sorted(_SOURCE_FIELDS & config.keys())}: drop one or the other"
        )


def _mask(name: str, config: Any) -> LabelSource | None:
    if config is None:
        return None
    if not isinstance(config, Mapping) or "folder" not in config or not config.keys() <= _SOURCE_FIELDS:
        raise ValueError(f"tasks['{name}'] mask must be a dict of folder, suffix and decoder, got {config!r}")
    return LabelSource.from_config(f"{name}']['mask", config)


def _checked_classes(name: str, kind: str, classes: tuple[str, ...]) -> tuple[str, ...]:
    if kind == "label" and not 2 <= len(classes) <= OUTSIDE:
        raise ValueError(f"tasks['{name}'] needs 2 to {OUTSIDE} classes for kind='label', got {len(classes)}")
    return classes


def _decoding(name: str, kind: str, config: Mapping[str, Any]) -> Decoding:
    offset = float(config.get("offset", _DEFAULT_OFFSET[kind]))
    if kind == "label" and not offset.is_integer():
        raise ValueError(f"tasks['{name}'] has kind='label', so offset must be a whole number, got {offset}")
    ignore = config.get("ignore", _DEFAULT_IGNORE[kind])
    return Decoding(
        scale=float(config.get("scale", _DEFAULT_SCALE[kind])),
        offset=offset,
        ignore=tuple(ignore) if isinstance(ignore, Sequence) else (ignore,),
        value_map=_value_map(name, config.get("value_map")),
        renormalise=bool(config.get("renormalise", True)),
        y_down=bool(config.get("y_down", False)),
    )


def _value_map(name: str, value_map: Any) -> dict[int, int]:
    """A dict, or a sequence whose positions are the stored values."""
    if value_map is None:
        return {}
    if isinstance(value_map, Mapping):
        return {int(stored): int(label) for stored, label in value_map.items()}
    if isinstance(value_map, Sequence) and not isinstance(value_map, str):
        return {stored: int(label) for stored, label in enumerate(value_map)}
    raise TypeError(f"tasks['{name}'] value_map must be a dict or a list over stored values, got {value_map!r}")


def _palette(name: str, palette: Any, classes: Sequence[str]) -> tuple[tuple[int, int, int], ...]:
    if palette is None:
        # Black, the first colour, is for background alone: any other class would look like no label.
        first = 0 if classes and classes[0] == BACKGROUND else 1
        return tuple(_distinct_colour(index + first) for index in range(len(classes)))
    if len(palette) != len(classes):
        raise ValueError(f"tasks['{name}'] has {len(classes)} classes but {len(palette)} palette colours")
    return tuple((int(red), int(green), int(blue)) for red, green, blue in palette)


def _distinct_colour(index: int) -> tuple[int, int, int]:
    """The colour of class ``index`` in PASCAL VOC: its bits, spread over the high bits of the channels."""
    channels = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            channels[channel] |= (index >> (3 * place + channel) & 1) << (7 - place)
    return channels[0], channels[1], channels[2]
