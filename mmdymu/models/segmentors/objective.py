"""What the segmentor expects of a training stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor, nn

if TYPE_CHECKING:
    from .controllable_segmentor import ControllableSegmentor


class Objective(Protocol):
    """What a training stage asks of the model."""

    def trained_modules(self, model: ControllableSegmentor) -> Sequence[nn.Module]:
        """Modules whose parameters the stage owns."""

    def set_modes(self, model: ControllableSegmentor) -> None:
        """Sets training and evaluation modes of all modules."""

    def losses(self, model: ControllableSegmentor, **batch: Any) -> dict[str, Tensor]:
        """The losses of one batch."""
