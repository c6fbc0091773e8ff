"""Predictions of one task as numpy arrays, and as files."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from mmengine.structures import BaseDataElement
from torch import Tensor

__all__ = ["FORMATS", "as_arrays", "as_file"]

FORMATS = ("png", "npy")
MILLIMETRES = 1000.0


def as_arrays(sample: BaseDataElement, classes: Sequence[str] | None = None) -> dict[str, Any]:
    """What a sample says about its task.

    Args:
        sample: One task's sample with predictions.
        classes: Class names of the task.

    Returns:
        ``kind`` and, by kind, a ``map`` in the size of the image: ``label`` (H, W) uint8, numbers of classes (uint16
        beyond 256 of them); ``depth`` (H, W) float32, metres; ``normals`` (H, W, 3) float32, unit vectors, x right, y
        up, z to the camera; ``probability`` (H, W) float32 in [0, 1]. Or, of kind ``class``: ``label``, the number of
        the likeliest class, ``name``, its name if known, ``score``, its probability, ``scores`` (C,) float32.

    Raises:
        ValueError: If the sample has no prediction.
    """
    if "pred_label" in sample:
        label, scores = int(sample.pred_label.item()), _numpy(sample.pred_score)
        name = classes[label] if classes is not None and label < len(classes) else None
        return {"kind": "class", "label": label, "name": name, "score": float(scores[label]), "scores": scores}
    if "pred_normals" in sample:
        return {"kind": "normals", "map": np.ascontiguousarray(_numpy(sample.pred_normals.data).transpose(1, 2, 0))}
    if "pred_depth_map" in sample:
        return {"kind": "depth", "map": _numpy(sample.pred_depth_map.data)[0]}
    if "pred_sem_seg" not in sample:
        raise ValueError(f"a task's sample has no prediction, only {sorted(sample.keys())}")
    logits = sample.seg_logits.data
    if len(logits) == 1:
        return {"kind": "probability", "map": _numpy(logits)[0]}
    kind = np.uint8 if len(logits) <= 256 else np.uint16
    return {"kind": "label", "map": sample.pred_sem_seg.data[0].cpu().numpy().astype(kind)}


def as_file(prediction: Mapping[str, Any], map_format: str = "png") -> tuple[str, bytes]:
    """Suffix and content of a prediction's file.

    Labels are PNGs of class numbers, classes JSON; all else is as ``map_format`` says. As ``png``: depth in
    millimetres, 16 bits, at most 65.535 m; normals as (n + 1) · 127.5, red, green and blue for x, y and z;
    probabilities times 255. As ``npy``: the float32 arrays of :func:`as_arrays`. The data sets of this package read
    PNG depth with ``scale=0.001`` and PNG normals as they are.

    Args:
        prediction: From :func:`as_arrays`.
        map_format: ``png`` or ``npy``.
    """
    kind = prediction["kind"]
    if kind == "class":
        shown = {**prediction, "scores": [round(float(score), 6) for score in prediction["scores"]]}
        return ".json", (json.dumps(shown) + "\n").encode()
    values = prediction["map"]
    if kind == "label":
        return ".png", png(values)
    if map_format == "npy":
        content = io.BytesIO()
        np.save(content, values)
        return ".npy", content.getvalue()
    if kind == "depth":
        return ".png", png(np.round(values.clip(0, 65.535) * MILLIMETRES).astype(np.uint16))
    if kind == "normals":
        return ".png", png(np.round((values.clip(-1, 1) + 1) * 127.5).astype(np.uint8))
    return ".png", png(np.round(values.clip(0, 1) * 255).astype(np.uint8))


def png(picture: np.ndarray) -> bytes:
    """A PNG file of (H, W) numbers, or of an (H, W, 3) picture, RGB."""
    done, content = cv2.imencode(".png", picture[..., ::-1] if picture.ndim == 3 else picture)
    assert done
    return content.tobytes()


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()
