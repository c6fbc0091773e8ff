"""Images through a selected network, in batches."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmpretrain.structures import MultiTaskDataSample
from torch import Tensor

from mmdymu.engine import Batch, calibrate
from mmdymu.engine.frames import resize_image
from mmdymu.models import ControllableNet
from mmdymu.models.backbones import Node
from mmdymu.models.segmentors import Selection

from .pipeline import Frame

__all__ = ["calibrated_states", "calibration_batches", "preprocess", "run", "telling_progress", "uniform_batches"]


def uniform_batches(frames: Iterable[Frame], batch_size: int) -> Iterator[list[Frame]]:
    """Groups neighbours of one size, so that none is padded for the sake of another and all keep their order.

    Args:
        frames: Images, read as they are needed.
        batch_size: Most frames in a batch.

    Raises:
        ValueError: If ``batch_size`` is not positive, or an image cannot be read; those before it come first.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    batch: list[Frame] = []
    coming = iter(frames)
    while True:
        try:
            frame = next(coming, None)
        except ValueError:
            # The images before the one that cannot be read are not to be lost.
            if batch:
                yield batch
            raise
        if batch and (frame is None or len(batch) == batch_size or frame.inputs.shape != batch[0].inputs.shape):
            yield batch
            batch = []
        if frame is None:
            return
        batch.append(frame)


@torch.no_grad()
def preprocess(model: ControllableNet, frames: Sequence[Frame]) -> dict[str, Any]:
    """What a model takes: ``inputs`` (B, 3, h, w), normalised, on its device, and ``data_samples``.

    Args:
        model: Its data preprocessor is used.
        frames: Images of one size.
    """
    batch = {"inputs": [frame.inputs for frame in frames], "data_samples": [frame.sample for frame in frames]}
    data = model.data_preprocessor(batch, False)
    for frame, sample in zip(frames, data["data_samples"], strict=True):
        frame.unpad(sample)
    return data


@torch.no_grad()
def run(model: ControllableNet, data: Mapping[str, Any], selection: Selection | None) -> list[MultiTaskDataSample]:
    """Predictions of one batch; safe in several threads, as nothing of the model is changed.

    Args:
        model: In evaluation mode.
        data: From :func:`preprocess`.
        selection: The network to run, whatever the model itself has selected; None: the anchor.

    Returns:
        A sample an image, with predictions in the size of the original image.
    """
    samples = data["data_samples"]
    tree, states = (selection.tree, selection.node_states) if selection else (model.anchor_tree, None)
    model.attach(model.run_tree(data["inputs"], tree, states, model.task_rows(samples)), samples)
    return samples


@torch.no_grad()
def calibration_batches(model: ControllableNet, frames: Sequence[Frame], batch_size: int) -> list[Batch]:
    """Images at a model's ``image_size``, in batches that are about equally large.

    Raises:
        ValueError: If there is one image only, which has no batch statistics, or ``batch_size`` is below two.
    """
    if len(frames) < 2 or batch_size < 2:
        raise ValueError(f"calibration needs batches of two images or more, got {len(frames)}, batch_size={batch_size}")
    count = min(math.ceil(len(frames) / batch_size), len(frames) // 2)
    batches = []
    for numbers in np.array_split(np.arange(len(frames)), count):
        chosen = [frames[number] for number in numbers]
        inputs = [resize_image(frame.inputs, model.image_size) for frame in chosen]
        data = model.data_preprocessor({"inputs": inputs, "data_samples": [frame.sample for frame in chosen]}, False)
        batches.append(Batch(data["inputs"], data["data_samples"]))
    return batches


def calibrated_states(
    model: ControllableNet, selection: Selection, batches: Sequence[Batch]
) -> dict[Node, dict[str, Tensor]]:
    """See :func:`mmdymu.engine.calibrate`, which switches norms to batch statistics; other threads may run the model.

    It works on a copy that shares all tensors.
    """
    shared = {id(part): part for part in (*model.parameters(), *model.buffers())}
    return calibrate(copy.deepcopy(model, shared), selection, batches)


def telling_progress(batches: Iterator[list[Frame]], written: bool) -> Iterator[list[Frame]]:
    """The batches; where results are written, an image that cannot be read is told with what is done by then."""
    done = 0
    while True:
        try:
            batch = next(batches, None)
        except ValueError as error:
            if not (done and written):
                raise
            remedy = "leave it out, and go on with overwrite=True (--overwrite)"
            raise ValueError(f"{error}; {done} images before it are written: {remedy}") from error
        if batch is None:
            return
        yield batch
        done += len(batch)
