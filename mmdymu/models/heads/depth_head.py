"""Monocular depth in metres."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from mmdymu.registry import MODELS

from ..losses.dense import DepthLoss, depth_loss
from .dense_head import DenseHead

__all__ = ["DepthHead"]


@MODELS.register_module()
class DepthHead(DenseHead):
    """Regresses depth directly: the raw output is in metres.

    Args:
        decoder: Built mmseg decode head with ``num_classes=1``.
        depth_bias: Metres, added to the decoder's output. Set it near the mean depth of the training set, so
            that a fresh decoder, whose output is near 0, starts from a sensible guess.
        depth_range: Predictions (not the loss) are clamped to this range, metres.
        loss_type: ``'l1'`` or ``'l1_sobel'``, see :func:`~mmdymu.models.losses.dense.depth_loss`.
        loss_weight: Factor of the loss.
        init_cfg: Initialisation, see mmengine's BaseModule.
    """

    channels = 1
    label_field = "gt_depth_map"
    loss_name = "loss_depth"
    meaning = "metres"

    def __init__(
        self,
        decoder: nn.Module,
        depth_bias: float = 0.0,
        depth_range: tuple[float, float] = (0.0, math.inf),
        loss_type: DepthLoss = "l1",
        loss_weight: float = 1.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(decoder, loss_weight, init_cfg)
        if len(depth_range) != 2 or not 0 <= depth_range[0] < depth_range[1]:
            raise ValueError(f"depth_range must be (low, high) with 0 <= low < high, got {depth_range}.")
        self.depth_bias = depth_bias
        self.depth_range = tuple(depth_range)
        self.loss_type: DepthLoss = loss_type

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Depth (B, 1, h, w) in metres from the features of a backbone."""
        return self.decoder(feats) + self.depth_bias

    def pixel_loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """See :func:`~mmdymu.models.losses.dense.depth_loss`."""
        return depth_loss(raw, target, self.loss_type)

    def interpret(self, raw: Tensor) -> Tensor:
        """Metres within ``depth_range``."""
        return raw.float().clamp(*self.depth_range)

    def fields(self, prediction: Tensor) -> dict[str, Tensor]:
        """``pred_depth_map`` (1, H, W), metres."""
        return {"pred_depth_map": prediction}
