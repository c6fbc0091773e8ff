"""How edges are scored: what the literature does in several ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from .edge_matching import check_max_distance

__all__ = ["HED_THRESHOLDS", "SURVEY_THRESHOLDS", "EdgeProtocol", "EdgeReader"]

EdgeReader = Literal["seism", "survey"]

#: 99 thresholds, 0.01 to 0.99.
SURVEY_THRESHOLDS = tuple(step / 100 for step in range(1, 100))
#: The same with 0.001 and 0.999.
HED_THRESHOLDS = (0.001, *SURVEY_THRESHOLDS, 0.999)


@dataclass(frozen=True)
class EdgeProtocol:
    """How predictions and labels become thin edges, and how far matches reach.

    Args:
        reader: ``'seism'`` (ASTMT, BMTAS, ATRC, InvPT): non-maximum suppression, then probabilities above each of
            HED's 101 thresholds. ``'survey'`` (Vandenhende et al.): no suppression, probabilities of at least each of
            99 thresholds.
        max_distance: Largest distance of a match, as a share of the image's diagonal: 0.0075 is usual for
            PASCAL-Context, 0.011 for NYU-v2.
        label: ``'edges'``: labels are edge maps, 1 on edges, else 0. ``'regions'``: labels are any maps whose
            boundaries are the edges, see :func:`~mmdymu.evaluation.functional.label_boundaries`.
        quantize: Whether probabilities are rounded to 256 steps first, as if they had been written to an image file.
        ignore_index: Label of pixels that count neither as predictions nor as labels.
        thresholds: Of probabilities, ascending within [0, 1); empty means the reader's own. Time falls with their
            number; so do the scores, which are the best over the thresholds, and AP, which counts no recall beyond
            those that occur.

    Raises:
        ValueError: If ``reader`` or ``label`` is unknown, ``max_distance`` is not in [0, 1), or thresholds do not rise
            within [0, 1) or are more than 255.
    """

    reader: EdgeReader = "seism"
    max_distance: float = 0.0075
    label: Literal["edges", "regions"] = "edges"
    quantize: bool = True
    ignore_index: int = 255
    thresholds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Checks the choices and fills in the reader's thresholds."""
        _check_choice("reader", self.reader, get_args(EdgeReader))
        _check_choice("label", self.label, ("edges", "regions"))
        check_max_distance(self.max_distance)
        own = HED_THRESHOLDS if self.reader == "seism" else SURVEY_THRESHOLDS
        object.__setattr__(self, "thresholds", _checked_thresholds(self.thresholds) or own)

    @property
    def suppresses(self) -> bool:
        """Whether predictions go through non-maximum suppression."""
        return self.reader == "seism"

    @property
    def inclusive(self) -> bool:
        """Whether a probability equal to the threshold is an edge."""
        return self.reader == "survey"


def _check_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}={value!r} must be one of {', '.join(map(repr, allowed))}.")


def _checked_thresholds(thresholds: Sequence[float]) -> tuple[float, ...]:
    values = tuple(thresholds)
    rises = all(low < high for low, high in pairwise(values))
    # The number of thresholds that a pixel passes is kept in a byte.
    if not rises or len(values) > 255 or not all(0 <= value < 1 for value in values):
        raise ValueError(f"thresholds={values} must be at most 255 rising numbers in [0, 1)")
    return values
