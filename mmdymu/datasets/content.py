"""Which images have something to say about a task."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmdymu.whole_file import whole_file

from .caching import map_parallel
from .loading import apply_mask, read_label, read_mask, resized_nearest
from .task_spec import BACKGROUND, IGNORE_LABEL, TaskSpec


def images_with_content(
    items: Sequence[dict[str, Any]], specs: Sequence[TaskSpec], cache_dir: Path, num_workers: int | None = None
) -> list[bool]:
    """Whether an image has content for each of some tasks; read once, then remembered.

    Content is a pixel with a class that is neither ignored nor background, a valid depth, or a valid normal, and that
    the task's mask leaves.

    Args:
        items: Items of a data list, with ``label_paths``.
        specs: The tasks.
        cache_dir: Folder of the results; made if absent.
        num_workers: Processes; 0 works in this one; None: one for each usable core.

    Returns:
        One answer an item.
    """
    paths = [
        tuple((item["label_paths"][spec.name], item.get("mask_paths", {}).get(spec.name)) for spec in specs)
        for item in items
    ]
    states = [[_state(path) for pair in row for path in pair] for row in paths]
    key = hashlib.sha256(repr([specs, states]).encode()).hexdigest()[:24]
    file = cache_dir / f"{key}.json"
    if not file.is_file():
        print_log(f"Looking which of {len(items)} images have content for {[spec.name for spec in specs]}", "current")
        answers = map_parallel(partial(_all_have_content, specs), paths, num_workers)
        with whole_file(file) as temporary:
            temporary.write_text(json.dumps(answers), encoding="utf-8")
    answers = json.loads(file.read_text(encoding="utf-8"))
    return [bool(answer) for answer in answers]


def has_content(label: np.ndarray, spec: TaskSpec) -> bool:
    """Whether a label map holds anything but background and ignored pixels."""
    if spec.kind != "label":
        return bool(label.any())
    says = label != IGNORE_LABEL
    if spec.classes[0] == BACKGROUND:
        says &= label != 0
    return bool(says.any())


def _all_have_content(specs: Sequence[TaskSpec], labels: Sequence[tuple[Any, str | None]]) -> bool:
    return all(
        label is not None and has_content(_masked(label, mask, spec), spec)
        for (label, mask), spec in zip(labels, specs, strict=True)
    )


def _masked(label: Any, mask: str | None, spec: TaskSpec) -> np.ndarray:
    array = read_label(label, spec)
    if mask is not None and spec.mask is not None:
        valid = read_mask(mask, spec.mask, spec.name)
        apply_mask(resized_nearest(valid.astype(np.uint8), array.shape[:2]), array, spec)
    return array


def _state(label: Any) -> Any:
    """What changes when the label changes."""
    if not isinstance(label, str):
        return label
    state = os.stat(label)
    return label, state.st_size, state.st_mtime_ns
