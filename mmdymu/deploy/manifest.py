"""What a fixed network is, in plain values that any format can carry."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mmdymu.models import ControllableNet, MultiTaskDataPreprocessor
from mmdymu.models.segmentors import Selection
from mmdymu.task_meta import task_meta
from mmdymu.tree import BranchingTree
from mmdymu.version import __version__

from .processing import output_meaning

__all__ = ["build_manifest", "describe_images", "describe_outputs"]

_LIBRARIES = ("mmengine", "mmcv", "mmseg", "mmpretrain")


def build_manifest(
    model: ControllableNet,
    tree: BranchingTree,
    selection: Selection | None,
    classes: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Describes a network that was fixed.

    Args:
        model: Where it comes from.
        tree: Its tree.
        selection: What selected it; None for the anchor.
        classes: Class names by task; None takes those that the model's ``dataset_meta`` tells.

    Returns:
        ``tasks``, ``heads`` and ``classes`` by task, ``preference`` by task and ``cost_weight`` (None for the anchor),
        ``tree`` (parents, paths, drawing), ``flops`` (multiply-adds for one image of ``image_size``) and ``params`` as
        ``model.complexity`` counts them, ``input``, ``norm_statistics``, ``budget`` (limit, cost, how good the search
        was; or None) and ``versions``: JSON-ready.

    Raises:
        ValueError: If ``classes`` names an unknown task.
    """
    preference = selection and selection.preference
    return {
        "tasks": list(model.tasks),
        "heads": {task: type(model.heads[task]).__name__ for task in model.tasks},
        "classes": _classes(model, classes),
        "preference": preference and dict(zip(preference.tasks, map(float, preference.weights), strict=True)),
        "cost_weight": preference and float(preference.cost_weight),
        "tree": {
            "parents": [list(row) for row in tree.parents],
            "paths": {task: list(path) for task, path in zip(model.tasks, tree.paths, strict=True)},
            "drawing": tree.draw(model.tasks),
        },
        "flops": float(model.complexity.flops(tree)),
        "params": int(model.complexity.params(tree)),
        "image_size": list(model.image_size),
        "input": _input(model.data_preprocessor),
        "norm_statistics": "calibrated" if selection and selection.is_calibrated else "running",
        "budget": dict(selection.about.get("budget", {})) or None if selection else None,
        "versions": _versions(),
    }


def describe_images(model: ControllableNet, preprocess: bool, resize: Sequence[int] | None) -> dict[str, Any]:
    """What a network takes: layout, channels, values and size; JSON-ready."""
    reverse = getattr(model.data_preprocessor, "bgr_to_rgb", False)
    height, width = resize or model.image_size
    return {
        "layout": "(B, 3, H, W)",
        # As mmcv and OpenCV read files.
        "channels": "BGR" if preprocess or not reverse else "RGB",
        "values": "0 to 255" if preprocess else "normalised, see input",
        "size": "any, resized inside" if resize else "that of the images that the model was trained with",
        "network_size": [int(height), int(width)],
    }


def describe_outputs(model: ControllableNet, postprocess: bool) -> dict[str, str]:
    """What a network gives for each task."""
    return {task: output_meaning(model.heads[task]) if postprocess else "raw, of the head" for task in model.tasks}


def _classes(model: ControllableNet, classes: Mapping[str, Sequence[str]] | None) -> dict[str, list[str]]:
    if classes is None:
        known = {task: task_meta(model.dataset_meta, task, "classes") for task in model.tasks}
        classes = {task: names for task, names in known.items() if names}
    unknown = sorted(set(classes) - set(model.tasks))
    if unknown:
        raise ValueError(f"classes names the tasks {unknown}, the model has {list(model.tasks)}")
    return {task: [str(name) for name in classes[task]] for task in model.tasks if classes.get(task)}


def _input(preprocessor: Any) -> dict[str, Any] | None:
    """How images become what the network takes; None where the model's preprocessor is not ours."""
    if not isinstance(preprocessor, MultiTaskDataPreprocessor):
        return None
    normalised = preprocessor.normalize
    return {
        "mean": preprocessor.mean.flatten().tolist() if normalised else None,
        "std": preprocessor.std.flatten().tolist() if normalised else None,
        "reverse_channels": bool(preprocessor.bgr_to_rgb),
        "size_divisor": preprocessor.size_divisor,
        "pad_value": float(preprocessor.pad_val),
    }


def _versions() -> dict[str, str]:
    found = {name: str(importlib.import_module(name).__version__) for name in _LIBRARIES}
    return {"mmdymu": __version__, "torch": str(torch.__version__), **found}
