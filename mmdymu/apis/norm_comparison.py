"""What norm statistics and the weight hypernet do to the losses of the trees that a controller chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mmdymu.engine import Batch, calibrate
from mmdymu.models import ControllableNet
from mmdymu.models.segmentors import Selection
from mmdymu.preference import Preference
from mmdymu.progress import Progress
from mmdymu.search.path_table import shrink_labels

__all__ = ["compare_norms"]


@torch.no_grad()
def compare_norms(
    model: ControllableNet, test: Sequence[Batch], training: Sequence[Batch], drawn: Sequence[Preference]
) -> dict[str, Any]:
    """Measures the same trees under the three norm statistics, without and with the weight hypernet.

    Args:
        model: In evaluation mode; its norm statistics setting is left at ``running``.
        test: Frames that no stage saw.
        training: Training frames, to calibrate norm statistics.
        drawn: Preferences; each is asked for with cost weights 0 and 1.

    Returns:
        Mean rL by name, those with the weight hypernet as ``…_adapted``; and of these two statistics, by how much it
        lowers rL (``mean``) and for which share of the trees (``lowered``).
    """
    # At the heads' resolution, as all losses of a control report.
    test = [Batch(batch.inputs, shrink_labels(model, batch.inputs, batch.data_samples)) for batch in test]
    single = _mean_losses(model, test, Selection(drawn[0], model.anchor_tree))
    results: dict[str, list[float]] = {}
    bar = Progress("norm statistics and weight hypernet", 2 * len(drawn))
    for preference in drawn:
        for cost_weight in (0.0, 1.0):
            asked = Preference(preference.tasks, preference.weights, cost_weight)
            plain = Selection(asked, model.predict_tree(asked))
            selections = {"running": plain, "batch": plain, "calibrated": _calibrated(model, plain, training)}
            if model.weight_hypernet is not None:
                adapted = Selection(asked, plain.tree, model.norm_states(asked, plain.tree))
                selections["running_adapted"] = adapted
                selections["calibrated_adapted"] = _calibrated(model, adapted, training)
            for name, selection in selections.items():
                model.set_norm_statistics("batch" if name == "batch" else "running")
                model.eval()
                values = _mean_losses(model, test, selection)
                results.setdefault(name, []).append(float(np.array(asked.weights) @ (values / single)))
            bar.update()
    model.set_norm_statistics("running")
    model.eval()
    means: dict[str, Any] = {name: float(np.mean(values)) for name, values in results.items()}
    if model.weight_hypernet is not None:
        means["weight_hypernet_gain"] = {
            name: _gain(results[name], results[f"{name}_adapted"]) for name in ("running", "calibrated")
        }
    return means


def _gain(plain: Sequence[float], adapted: Sequence[float]) -> dict[str, float]:
    gains = np.array(plain) - np.array(adapted)
    return {"mean": float(gains.mean()), "lowered": float((gains > 0).mean())}


def _calibrated(model: ControllableNet, selection: Selection, training: Sequence[Batch]) -> Selection:
    return selection.with_states(calibrate(model, selection, training))


def _mean_losses(model: ControllableNet, batches: Sequence[Batch], selection: Selection) -> np.ndarray:
    sums, counts = np.zeros(model.num_tasks), np.zeros(model.num_tasks)
    for batch in batches:
        losses, _ = model.tree_losses(batch.inputs, batch.data_samples, selection.tree, selection.node_states)
        seen = np.array(model.task_counts(batch.data_samples))
        sums += losses.cpu().numpy() * seen
        counts += seen
    return sums / counts
