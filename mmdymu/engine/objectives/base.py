"""What a training stage trains, on which losses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from mmdymu.models import ControllableNet
from mmdymu.models.norms import update_running_statistics, use_running_statistics
from mmdymu.preference import Preference

from ..frames import Frames

SMALLEST_LOSS = 1e-6


class StageObjective:
    """Base of the stages' objectives.

    A stage owns the parameters of :meth:`trained_modules`; everything else is frozen, parameters and buffers.
    """

    needs_images = True
    restart = False
    """Whether the stage begins from the streams and heads that the run began with."""

    def trained_modules(self, model: ControllableNet) -> Sequence[nn.Module]:
        """Modules whose parameters the stage owns."""
        raise NotImplementedError

    def moving_modules(self, model: ControllableNet) -> Sequence[nn.Module]:
        """Modules that run in training mode, so that their norm statistics follow the images."""
        return self.trained_modules(model)

    def prepare(self, model: ControllableNet, frames: Frames, *, resumed: bool) -> None:
        """Computes what the stage needs from the frozen parts, once, before its first iteration.

        Args:
            model: The model.
            frames: Training images.
            resumed: Whether the stage was begun before: results in the checkpoint are kept.
        """

    def preferences(self, tasks: Sequence[str], rng: np.random.Generator) -> list[Preference]:
        """The preferences of one iteration; empty where the stage has none."""
        return []

    def set_modes(self, model: ControllableNet) -> None:
        """Moving modules train; others evaluate with their running statistics."""
        model.backbone.eval()
        model.heads.eval()
        use_running_statistics(model)
        for module in self.moving_modules(model):
            module.train()
            update_running_statistics(module)

    def losses(self, model: ControllableNet, **batch: Any) -> dict[str, Tensor]:
        """The losses of one batch; entries with "loss" in their name are summed."""
        raise NotImplementedError

    def finish(self, model: ControllableNet) -> None:
        """Leaves the model as the next stage wants it; runs after the last step."""


def sample_preferences(
    tasks: Sequence[str], rng: np.random.Generator, count: int, concentrations: Sequence[float]
) -> list[Preference]:
    """Draws r ~ Dirichlet(a, …, a), with a drawn from ``concentrations``, and c ~ U(0, 1).

    Args:
        tasks: Task names.
        rng: Source of randomness.
        count: How many.
        concentrations: Dirichlet parameters that take turns at random.

    Returns:
        The preferences.
    """
    return [
        Preference.sample(tasks, rng, concentration=float(concentrations[int(rng.integers(len(concentrations)))]))
        for _ in range(count)
    ]


def log_losses(losses: Tensor) -> Tensor:
    """Logarithms, whose gradients weigh each loss by 1 / its own value, so that tasks count alike whatever their units.

    Their sum's gradient is that of the losses' geometric mean (Chennupati et al., MultiNet++, CVPRW 2019). Losses below
    1e-6 give none: those of batches without labels of a task are 0.
    """
    return losses.clamp_min(SMALLEST_LOSS).log()


def touch(parameters: Iterable[Tensor], like: Tensor) -> Tensor:
    """Zero, but a function of all these parameters: distributed training wants a gradient for each that is owned."""
    return sum((parameter.sum() * 0 for parameter in parameters), like.new_zeros(()))
