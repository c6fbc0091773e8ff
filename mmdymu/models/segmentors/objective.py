"""What a controllable network expects of a training stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor, nn

if TYPE_CHECKING:
    from .controllable_net import ControllableNet


class Objective(Protocol):
    """What a training stage asks of the model."""

    def trained_modules(self, model: ControllableNet) -> Sequence[nn.Module]:
        """Modules whose parameters the stage owns."""

    def set_modes(self, model: ControllableNet) -> None:
        """Sets training and evaluation modes of all modules."""

    def losses(self, model: ControllableNet, **batch: Any) -> dict[str, Tensor]:
        """The losses of one batch."""
