"""Metric of saliency maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from torch import Tensor

from mmdymu.registry import METRICS

from ..functional import (
    SALIENCY_F_THRESHOLDS,
    SALIENCY_IOU_THRESHOLDS,
    Sums,
    quantize_probability,
    saliency_counts,
    saliency_image_sums,
    saliency_max_f,
    saliency_max_image_f,
    saliency_max_iou,
)
from .streaming_metric import StreamingMetric

__all__ = ["SaliencyMetric"]

Variant = Literal["mIoU", "maxF", "maxF_image"]


@METRICS.register_module()
class SaliencyMetric(StreamingMetric):
    """Agreement of a saliency map with a mask at the best of several cut-offs, per cent.

    The literature has three measures; results carry the name of the variant:

    * ``mIoU`` (ASTMT, MTI-Net, BMTAS): Jaccard index, mean over images; p > t; 1 if neither map has a salient pixel.
    * ``maxF`` (ATRC, InvPT): F of precision and recall over the pixels of all images; p >= t, β² = 0.3.
    * ``maxF_image`` (ASTMT): F of precision and recall averaged over images; p > t, β² = 1.

    Reads ``gt_sem_seg`` (1 = salient) and ``seg_logits``: (1, H, W), probabilities, as heads with one channel give
    them; or (2, H, W), logits of a two-class head, of which the softmax counts.

    Args:
        task: Name of the task; also the prefix of the results.
        variants: Any of the three.
        iou_thresholds: Rising cut-offs of ``mIoU`` and ``maxF_image``.
        f_thresholds: Rising cut-offs of ``maxF``.
        beta_squared: Weight of recall in F; None is the variant's own.
        quantize: Cut probabilities down to 1/255, as evaluation from saved image files does.
        ignore_index: Label of pixels that do not count.
        collect_device: See mmengine's BaseMetric.
        collect_dir: See mmengine's BaseMetric.

    Raises:
        ValueError: If a variant is unknown or there is none, cut-offs do not rise within [0, 1], or beta_squared is
            not above 0.
    """

    def __init__(
        self,
        task: str = "saliency",
        variants: Sequence[Variant] = ("mIoU",),
        iou_thresholds: Sequence[float] = SALIENCY_IOU_THRESHOLDS,
        f_thresholds: Sequence[float] = SALIENCY_F_THRESHOLDS,
        beta_squared: float | None = None,
        quantize: bool = False,
        ignore_index: int = 255,
        collect_device: str = "cpu",
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(task, collect_device, collect_dir)
        if isinstance(variants, str) or not variants or not {*variants} <= {*get_args(Variant)}:
            raise ValueError(
                f"variants={variants!r} of SaliencyMetric: give any of {list(get_args(Variant))} in a list"
            )
        if beta_squared is not None and not beta_squared > 0:
            raise ValueError(f"beta_squared={beta_squared} of SaliencyMetric must be above 0, or None")
        self.variants = tuple(variants)
        self.iou_thresholds = _checked_thresholds("iou_thresholds", iou_thresholds)
        self.f_thresholds = _checked_thresholds("f_thresholds", f_thresholds)
        self.beta_squared = beta_squared
        self.quantize = quantize
        self.ignore_index = ignore_index

    def sample_sums(self, sample: Mapping[str, Any]) -> Sums:
        """Pixel counts over all images, and ratios per image added up."""
        prediction, target = self.map_of(sample, "seg_logits"), self.map_of(sample, "gt_sem_seg")
        try:
            probability = saliency_probability(prediction)
            probability = quantize_probability(probability) if self.quantize else probability
            return self._sums(probability, target.to(probability.device))
        except ValueError as error:
            raise ValueError(f"Task {self.task!r}, {sample.get('img_path')}: {error}") from error

    def _sums(self, probability: Tensor, target: Tensor) -> Sums:
        sums: Sums = {}
        if self.variants != ("maxF",):
            image = saliency_counts(probability, target, self.iou_thresholds, False, self.ignore_index)
            sums = saliency_image_sums(image) | {"pixels": image["pixels"]}
        if "maxF" in self.variants:
            sums |= saliency_counts(probability, target, self.f_thresholds, True, self.ignore_index)
        return sums

    def labelled_pixels(self, sums: Sums) -> float:
        """Number of labelled pixels."""
        return sums["pixels"].item()

    def summarize(self, sums: Sums) -> dict[str, float]:
        """One number per variant."""
        beta = {} if self.beta_squared is None else {"beta_squared": self.beta_squared}
        scores = {
            "mIoU": lambda: saliency_max_iou(sums),
            "maxF": lambda: saliency_max_f(sums, **beta),
            "maxF_image": lambda: saliency_max_image_f(sums, **beta),
        }
        return {variant: 100 * scores[variant]() for variant in self.variants}


def saliency_probability(prediction: Tensor) -> Tensor:
    """(1, H, W) probabilities of one channel of probabilities, or of two channels of logits.

    Raises:
        ValueError: If there are more channels.
    """
    if prediction.ndim != 3 or prediction.shape[0] not in (1, 2):
        raise ValueError(
            f"saliency: seg_logits {tuple(prediction.shape)}; needed are (1, H, W), probabilities, or (2, H, W), logits"
        )
    return prediction if len(prediction) == 1 else prediction.float().softmax(dim=0)[1:]


def _checked_thresholds(name: str, thresholds: Sequence[float]) -> tuple[float, ...]:
    cuts = tuple(thresholds)
    if not cuts or list(cuts) != sorted({*cuts}) or cuts[0] < 0 or cuts[-1] > 1:
        raise ValueError(f"{name}={cuts} of SaliencyMetric must rise and lie in [0, 1]")
    return cuts
