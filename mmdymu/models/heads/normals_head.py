"""Surface normals."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from mmdymu.registry import MODELS

from ..losses.dense import NormalsLoss, normals_loss
from .dense_head import DenseHead

__all__ = ["NormalsHead"]


@MODELS.register_module()
class NormalsHead(DenseHead):
    """Regresses a direction per pixel: camera frame, x right, y up, z to the camera.

    The raw output is a vector of any length; it is scaled to unit length in the loss and in predictions,
    after resizing.

    Args:
        decoder: Built mmseg decode head with ``num_classes=3``.
        loss_type: ``'l1_pixels'``, ``'l1_elements'`` or ``'cosine'``, see
            :func:`~mmdymu.models.losses.dense.normals_loss`.
        loss_weight: Factor of the loss.
        init_cfg: Initialisation, see mmengine's BaseModule.
    """

    channels = 3
    label_field = "gt_normals"
    loss_name = "loss_normals"
    meaning = "unit vectors: x right, y up, z to the camera"

    def __init__(
        self,
        decoder: nn.Module,
        loss_type: NormalsLoss = "l1_pixels",
        loss_weight: float = 1.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(decoder, loss_weight, init_cfg)
        self.loss_type: NormalsLoss = loss_type

    def pixel_loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """See :func:`~mmdymu.models.losses.dense.normals_loss`."""
        return normals_loss(raw, target, self.loss_type)

    def interpret(self, raw: Tensor) -> Tensor:
        """Unit vectors."""
        return functional.normalize(raw.float(), dim=-3)

    def fields(self, prediction: Tensor) -> dict[str, Tensor]:
        """``pred_normals`` (3, H, W), unit vectors."""
        return {"pred_normals": prediction}
