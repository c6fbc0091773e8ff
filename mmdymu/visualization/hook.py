"""Draws predictions while a model is validated or tested."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmdymu.registry import HOOKS

__all__ = ["MultiTaskVisualizationHook"]


@HOOKS.register_module()
class MultiTaskVisualizationHook(Hook):
    """Draws the images of a batch as the model got them, so that generated data need no image files.

    Argument names are those of mmseg's SegVisualizationHook.

    Args:
        draw: Whether to draw at all; ``--show-dir`` of tools/test.py turns it on.
        interval: Draw every so many images.
        show: Open a window instead of storing the pictures.
        wait_time: Seconds that a window stays, 0 = until a key is pressed.
        bgr: Whether the images of a batch are BGR, as mmcv loads them.
    """

    priority = "NORMAL"

    def __init__(
        self,
        draw: bool = False,
        interval: int = 1,
        show: bool = False,
        wait_time: float = 0.0,
        bgr: bool = True,
    ) -> None:
        if interval < 1:
            raise ValueError(f"interval must be at least 1, got {interval}.")
        self.draw = draw
        self.interval = interval
        self.show = show
        self.wait_time = wait_time
        self.bgr = bgr

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Draws the batch."""
        self.draw_batch(runner, f"val_{runner.iter}", batch_idx, data_batch, outputs)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Draws the batch."""
        self.draw_batch(runner, "test", batch_idx, data_batch, outputs)

    def draw_batch(
        self,
        runner: Runner,
        prefix: str,
        batch_idx: int,
        data_batch: dict[str, Any] | None,
        outputs: Sequence[BaseDataElement] | None,
    ) -> None:
        """Hands every wanted image of a batch to the visualizer."""
        if not self.draw or data_batch is None or outputs is None:
            return
        images = data_batch["inputs"]
        for position, (image, output) in enumerate(zip(images, outputs, strict=True)):
            # All batches but the last are full: the number needs no state.
            index = batch_idx * full_batch_size(runner, prefix, len(images)) + position
            if index % self.interval == 0:
                stem = Path(output.get("img_path") or f"{index:06d}").stem
                runner.visualizer.add_datasample(
                    f"{prefix}_{stem}",
                    to_rgb(image, self.bgr),
                    data_sample=output,
                    show=self.show,
                    wait_time=self.wait_time,
                    step=index,
                )


def full_batch_size(runner: Runner, prefix: str, default: int) -> int:
    """Batch size of the data loader in use."""
    loader = runner.test_dataloader if prefix == "test" else runner.val_dataloader
    return getattr(loader, "batch_size", None) or default


def to_rgb(image: Tensor, bgr: bool) -> np.ndarray:
    """(H, W, 3) uint8, RGB, from (3, H, W)."""
    pixels = image.detach().cpu().numpy().transpose(1, 2, 0)
    return np.ascontiguousarray(pixels[..., ::-1] if bgr else pixels).astype(np.uint8)
