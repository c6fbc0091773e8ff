"""Tasks with one probability per pixel: edges and saliency."""

from __future__ import annotations

from torch import Tensor, nn

from mmdymu.registry import MODELS

from ..losses.dense import Divisor, weighted_bce_loss
from .dense_head import DenseHead

__all__ = ["BinaryHead", "EdgesHead", "SaliencyHead"]


class BinaryHead(DenseHead):
    """One logit per pixel, trained with a class-weighted cross-entropy.

    Args:
        decoder: Built mmseg decode head with ``num_classes=1``.
        pos_weight: Weight of positive pixels in [0, 1], negatives get the rest; None balances every batch.
        divisor: ``'valid'`` or ``'all'``, see :func:`~mmdymu.models.losses.dense.weighted_bce_loss`.
        loss_weight: Factor of the loss.
        init_cfg: Initialisation, see mmengine's BaseModule.
    """

    channels = 1
    label_field = "gt_sem_seg"
    meaning = "probability"

    def __init__(
        self,
        decoder: nn.Module,
        pos_weight: float | None = None,
        divisor: Divisor = "valid",
        loss_weight: float = 1.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(decoder, loss_weight, init_cfg)
        if pos_weight is not None and not 0 <= pos_weight <= 1:
            raise ValueError(f"pos_weight must be in [0, 1] or None, got {pos_weight}.")
        self.pos_weight = pos_weight
        self.divisor: Divisor = divisor

    def pixel_loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """See :func:`~mmdymu.models.losses.dense.weighted_bce_loss`."""
        return weighted_bce_loss(raw, target, self.pos_weight, self.divisor)

    def interpret(self, raw: Tensor) -> Tensor:
        """Probabilities."""
        return raw.float().sigmoid()

    def fields(self, prediction: Tensor) -> dict[str, Tensor]:
        """``seg_logits``, the probability, and ``pred_sem_seg``, 1 where it is above one half; (1, H, W)."""
        return {"seg_logits": prediction, "pred_sem_seg": (prediction > 0.5).long()}


@MODELS.register_module()
class EdgesHead(BinaryHead):
    """Edges: positive pixels are few, so they weigh 0.95 by default (0.8 is usual for NYU-v2).

    Arguments: :class:`BinaryHead`.
    """

    loss_name = "loss_edges"

    def __init__(
        self,
        decoder: nn.Module,
        pos_weight: float | None = 0.95,
        divisor: Divisor = "valid",
        loss_weight: float = 1.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(decoder, pos_weight, divisor, loss_weight, init_cfg)


@MODELS.register_module()
class SaliencyHead(BinaryHead):
    """Saliency: positives and negatives of every batch weigh the same by default.

    Arguments: :class:`BinaryHead`.
    """

    loss_name = "loss_saliency"
