"""Human parts of PASCAL-Part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from mmdymu.registry import LABEL_DECODERS

from .base import LabelDecoder
from .matlab import read_mat

PERSON = 15
"""Class index of people in PASCAL VOC."""
_HEAD = ("hair", "head", "lear", "rear", "lebrow", "rebrow", "leye", "reye", "mouth", "nose")
_TORSO = ("neck", "torso")
_LIMBS = tuple(side + limb for limb in ("uarm", "larm", "hand", "uleg", "lleg", "foot") for side in "lr")
_ARMS, _LEGS = _LIMBS[:6], _LIMBS[6:]

PART_GROUPS: Mapping[int, Sequence[Sequence[str]]] = MappingProxyType(
    {
        1: ((*_HEAD, *_TORSO, *_LIMBS),),
        4: (_HEAD, _TORSO, _ARMS, _LEGS),
        6: (_HEAD, _TORSO, _ARMS[:2], _ARMS[2:], _LEGS[:2], _LEGS[2:]),
        14: (_HEAD, _TORSO, *((limb,) for limb in _LIMBS)),
    }
)
"""Number of parts to the part names of the release that each class merges; class 0 is background.

14: head, torso, then left and right upper arm, lower arm, hand, upper leg, lower leg, foot.
"""


@LABEL_DECODERS.register_module()
@dataclass(frozen=True)
class PascalPartsDecoder(LabelDecoder):
    """Part classes of all people in a PASCAL-Part annotation (Chen et al., CVPR 2014).

    Objects are drawn in the order of the file, their parts too: a later one covers an earlier one. Objects that are
    no people, and people without parts, are background.

    Args:
        parts: 1, 4, 6 or 14 classes beside the background, see :data:`PART_GROUPS`.

    Raises:
        ValueError: For another number of parts.
    """

    parts: int = 6
    cached: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Checks the number of parts."""
        if self.parts not in PART_GROUPS:
            raise ValueError(
                f"parts={self.parts!r} of PascalPartsDecoder; allowed are {', '.join(map(str, PART_GROUPS))}"
            )

    def __call__(self, content: bytes) -> np.ndarray:
        """(H, W) uint8; (1, 1) zeros if the file has no object at all, and with it no size.

        Raises:
            ValueError: The file is no part annotation, or names an unknown part of a person.
        """
        classes = {name: index for index, names in enumerate(PART_GROUPS[self.parts], start=1) for name in names}
        try:
            records = read_mat(content, "anno")[0][0][1]
            objects = [_Object(record) for record in records[0]] if records.size else []
        except (IndexError, TypeError) as error:
            raise ValueError(f"the content is not a PASCAL-Part annotation ({error})") from error
        labels = np.zeros(objects[0].shape if objects else (1, 1), np.uint8)
        for item in objects:
            if item.class_index == PERSON:
                _draw(labels, item.parts, classes)
        return labels


class _Object:
    """An object of an annotation: class name, class index, mask, parts (name, mask), each wrapped in arrays."""

    def __init__(self, record: Any) -> None:
        self.class_index = int(record[1][0][0])
        self.shape = record[2].shape
        parts = record[3]
        self.parts = [(str(part[0][0]), part[1]) for part in parts[0]] if parts.size else []


def _draw(labels: np.ndarray, parts: Sequence[tuple[str, np.ndarray]], classes: Mapping[str, int]) -> None:
    for name, mask in parts:
        if name not in classes:
            raise ValueError(f"a person has the unknown part {name!r}; known are {', '.join(classes)}")
        if mask.shape != labels.shape:
            raise ValueError(f"the mask of part {name!r} is {mask.shape}, others are {labels.shape}")
        labels[mask.astype(bool)] = classes[name]
