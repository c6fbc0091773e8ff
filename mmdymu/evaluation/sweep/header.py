"""What a sweep is about: the entries by which a later start tells whether it may go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from mmdymu.models import ControllableNet
from mmdymu.version import __version__

from .settings import SweepSettings

__all__ = ["sweep_header"]


def sweep_header(
    config: Mapping[str, Any], mode: str, model: ControllableNet, settings: SweepSettings, images: int
) -> dict[str, Any]:
    """The first line of a sweep's file.

    Args:
        config: The runner's.
        mode: ``'test'`` or ``'val'``: whose data and metrics are used.
        model: Weights are loaded.
        settings: What is measured.
        images: Number of images.

    Returns:
        Names and settings, a digest of the weights, and one of what the config says about model, data and metrics.
    """
    loader = config.get(f"{mode}_dataloader") or {}
    tested = [config.get("model"), loader.get("dataset"), loader.get("batch_size"), config.get(f"{mode}_evaluator")]
    return {
        "config": getattr(config, "filename", None),
        "checkpoint": config.get("load_from"),
        "weights_sha256": _weights_digest(model),
        "test_sha256": hashlib.sha256(json.dumps(tested, sort_keys=True, default=str).encode()).hexdigest(),
        "tasks": list(model.tasks),
        "preferences": settings.preferences,
        "cost_weights": list(settings.cost_weights),
        **({"budgets": [budget.to_dict() for budget in settings.budgets]} if settings.budgets else {}),
        "seed": settings.seed,
        "references": list(settings.references),
        "oracle_images": settings.oracle_images,
        "norm_statistics": model.norm_statistics,
        "images": images,
        "image_size": list(model.image_size),
        "version": __version__,
    }


def _weights_digest(model: ControllableNet) -> str:
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
