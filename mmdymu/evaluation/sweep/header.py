"""What a sweep is about: the entries by which a later start tells whether it may go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdymu.models import ControllableNet
from mmdymu.version import __version__

from .settings import SweepSettings

__all__ = ["sweep_header"]


def sweep_header(
    config: Mapping[str, Any],
    mode: str,
    model: ControllableNet,
    settings: SweepSettings,
    images: int,
    **options: Any,
) -> dict[str, Any]:
    """The first line of a sweep's file.

    Args:
        config: The runner's.
        mode: ``'test'`` or ``'val'``: whose data and metrics are used.
        model: Weights are loaded.
        settings: What is measured.
        images: Number of images.
        **options: Whatever else changes the results.

    Returns:
        Names and settings; digests of the weights and of what the config says about model, data and metrics.
    """
    loader = config.get(f"{mode}_dataloader") or {}
    return {
        "config": getattr(config, "filename", None),
        "checkpoint": config.get("load_from"),
        "weights_sha256": _weights_digest(model),
        "model_sha256": _digest(config.get("model")),
        "data_sha256": _digest(loader.get("dataset")),
        "metrics_sha256": _digest(_without_workers(config.get(f"{mode}_evaluator"))),
        "tasks": list(model.tasks),
        "preferences": settings.count,
        "given_preferences": settings.given_preferences,
        "cost_weights": list(settings.cost_weights),
        **_budget_entries(config, settings),
        "seed": settings.seed,
        "references": list(settings.references),
        "oracle_images": settings.oracle_images,
        "norm_statistics": model.norm_statistics,
        "images": images,
        "image_size": list(model.image_size),
        "version": __version__,
        **options,
    }


def _budget_entries(config: Mapping[str, Any], settings: SweepSettings) -> dict[str, Any]:
    """Nothing of a sweep over cost weights."""
    entries: dict[str, Any] = {}
    if settings.budgets:
        entries["budgets"] = [budget.to_dict() for budget in settings.budgets]
    if any(budget.kind == "latency_ms" for budget in settings.budgets):
        entries["profile_sha256"] = hashlib.sha256(Path(config["profile"]).read_bytes()).hexdigest()
    return entries


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _without_workers(value: Any) -> Any:
    """The configs of metrics without their numbers of processes, which do not change results."""
    if isinstance(value, Mapping):
        return {key: _without_workers(item) for key, item in value.items() if key != "num_workers"}
    return [_without_workers(item) for item in value] if isinstance(value, list | tuple) else value


def _weights_digest(model: ControllableNet) -> str:
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
