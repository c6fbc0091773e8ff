"""Test metrics of networks that run outside the model, such as exported ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner
from torch import Tensor

from mmdymu.models import ControllableNet
from mmdymu.progress import Progress
from mmdymu.registry import EVALUATOR

__all__ = ["check_test", "network_metrics"]

Network = Callable[[Tensor], Mapping[str, Tensor]]
"""From (B, 3, H, W) normalised images to raw head outputs by task."""


@torch.no_grad()
def network_metrics(
    config: Config, model: ControllableNet, networks: Mapping[str, Network], images: int | None = None
) -> dict[str, dict[str, float]]:
    """Tests networks with the data and the metrics of a config's test; all see the same images, loaded once.

    Args:
        config: Its ``test_dataloader`` and ``test_evaluator`` are used.
        model: Its data preprocessor and its heads' way to predictions are used, not its weights.
        networks: By name.
        images: Test the first so many; None tests all.

    Returns:
        By network the metrics.

    Raises:
        ValueError: If the config has no test.
    """
    check_test(config)
    loader = Runner.build_dataloader(copy.deepcopy(config.test_dataloader))
    evaluators = {name: _evaluator(config) for name in networks}
    for evaluator in evaluators.values():
        evaluator.dataset_meta = getattr(loader.dataset, "metainfo", None)
    wanted = len(loader.dataset) if images is None else min(images, len(loader.dataset))
    progress, done = Progress("test of exported networks", wanted), 0
    for batch in loader:
        data = model.data_preprocessor(batch, False)
        for name, network in networks.items():
            samples = copy.deepcopy(data["data_samples"])
            model.attach(network(data["inputs"]), samples)
            evaluators[name].process(data_batch=batch, data_samples=samples)
        done += len(data["inputs"])
        progress.update(len(data["inputs"]))
        if done >= wanted:
            break
    return {name: evaluator.evaluate(done) for name, evaluator in evaluators.items()}


def check_test(config: Config) -> None:
    """Complains about a config without a test, before any work.

    Raises:
        ValueError: If it has none.
    """
    if not config.get("test_dataloader") or not config.get("test_evaluator"):
        raise ValueError("the config has no test_dataloader or no test_evaluator, whose metrics are needed here")


def _evaluator(config: Config) -> Evaluator:
    found: Any = copy.deepcopy(config.test_evaluator)
    if isinstance(found, Mapping) and "metrics" in found:
        return EVALUATOR.build({"type": "mmengine.Evaluator", **found})
    return Evaluator(found)
