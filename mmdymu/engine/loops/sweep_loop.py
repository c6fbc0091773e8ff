"""The loop that tests, or validates, at many preferences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.fileio import dump
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import Tensor
from torch.utils.data import DataLoader

from mmdymu.evaluation import MultiTaskEvaluator
from mmdymu.evaluation.functional import multi_task_delta
from mmdymu.evaluation.metric_info import main_metrics, metric_info
from mmdymu.evaluation.sweep import (
    KeptBatches,
    PreferenceSweep,
    SharedEvaluation,
    SweepFile,
    SweepSettings,
    flat_summary,
    json_ready,
    sweep_header,
    sweep_summary,
)
from mmdymu.models import ControllableNet
from mmdymu.models.backbones import NodeStates
from mmdymu.models.segmentors import Selection
from mmdymu.preference import Preference
from mmdymu.registry import LOOPS
from mmdymu.search import NodeProfile
from mmdymu.search.path_table import build_path_table
from mmdymu.tree import BranchingTree

from ..calibration import calibrate
from ..frames import Batch, Frames


@LOOPS.register_module()
class PreferenceSweepLoop(BaseLoop):
    """Tests the model at many preferences, with cost weights or within budgets, in one go.

    What networks share is computed once.

    As ``test_cfg`` it is what ``tools/sweep.py`` runs; as ``val_cfg`` it validates a controller while it is trained,
    and its numbers (``sweep/hypervolume_c0``, ``multi_task/delta_m``, …) can choose the best checkpoint. It writes
    ``sweep.jsonl`` after every pass over the images, goes on where a killed sweep stopped, and ends with
    ``summary.json``.

    Args:
        runner: The runner; ``runner.cfg.norm_statistics`` counts, and ``profile`` for budgets of latency; ``pref``,
            ``cost_weight`` and ``budget`` do not.
        dataloader: Test images.
        evaluator: Metrics.
        sweep: Arguments of :class:`~mmdymu.evaluation.sweep.SweepSettings`.
        out: Folder to write. Default: ``sweep`` in the work folder, and for a validation ``sweep_<iteration>``.
        calibration_images: Training images for ``norm_statistics='calibrated'``.
        fp16: Test under autocast.
    """

    sets_preferences = True
    """The preference hook leaves the model alone."""

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict[str, Any],
        evaluator: Evaluator | dict[str, Any] | list[dict[str, Any]],
        sweep: Mapping[str, Any] | None = None,
        out: str | None = None,
        calibration_images: int = 200,
        fp16: bool = False,
    ) -> None:
        super().__init__(runner, dataloader)
        self.settings = SweepSettings.from_config(sweep)
        self.evaluator = evaluator if isinstance(evaluator, Evaluator) else runner.build_evaluator(evaluator)
        self.evaluator.dataset_meta = getattr(self.dataloader.dataset, "metainfo", None)
        self.out, self.calibration_images, self.fp16 = out, calibration_images, fp16

    def run(self) -> dict[str, float]:
        """Runs what the folder does not hold yet.

        Returns:
            The summary's scalars; none in a validation before the edge hypernet is trained.

        Raises:
            ValueError: If a test's edge hypernet is not trained, or the folder belongs to another sweep.
        """
        mode = "val" if getattr(self.runner, "_val_loop", None) is self else "test"
        self.runner.call_hook(f"before_{mode}")
        self.runner.call_hook(f"before_{mode}_epoch")
        self._model.eval()
        scalars = self._sweep(self._folder(mode), mode)
        self.runner.call_hook(f"after_{mode}_epoch", metrics=scalars)
        self.runner.call_hook(f"after_{mode}")
        return scalars

    @property
    def _model(self) -> ControllableNet:
        model = self.runner.model
        return model.module if is_model_wrapper(model) else model

    def _folder(self, mode: str) -> Path:
        name = "sweep" if mode == "test" else f"sweep_{self.runner.iter}"
        return Path(self.out or Path(self.runner.work_dir) / name)

    def _sweep(self, folder: Path, mode: str) -> dict[str, float]:
        model = self._model
        if not model.is_controllable:
            message = "the edge hypernet is untrained, so preferences change nothing"
            if mode == "test":
                raise ValueError(f"{message}: run the edges stage first")
            print_log(f"{message}: no sweep yet", "current")
            return {}
        model.set_norm_statistics(self.runner.cfg.get("norm_statistics", "running"))
        size = len(self.dataloader.dataset)
        file = SweepFile(folder / "sweep.jsonl", sweep_header(self.runner.cfg, mode, model, self.settings, size))
        evaluation = SharedEvaluation(model, self.evaluator.metrics, self.fp16)
        sweep = PreferenceSweep(model, evaluation, self.settings, self._states, self._delta, self._profile)
        batches = KeptBatches(self.dataloader, self.settings.cache_gib)
        sweep.run(batches, len(batches), size, sweep.ask(self._oracle_table(folder, mode)), file)
        summary = json_ready(sweep_summary(model, self.settings, file))
        if is_main_process():
            dump(summary, folder / "summary.json", indent=2)
        barrier()
        print_log(f"written: {folder / 'sweep.jsonl'}, {folder / 'summary.json'}", "current")
        return flat_summary(summary)

    def _states(self, preference: Preference, tree: BranchingTree) -> NodeStates:
        """Adapted norms of a tree's nodes, and their calibrated statistics where these are asked for."""
        model = self._model
        states = model.norm_states(preference, tree)
        if model.norm_statistics != "calibrated":
            return states
        selection = Selection(preference, tree, states)
        return selection.with_states(calibrate(model, selection, self._training_frames)).node_states

    @property
    def _profile(self) -> NodeProfile | None:
        path = self.runner.cfg.get("profile")
        needed = any(budget.kind == "latency_ms" for budget in self.settings.budgets)
        return NodeProfile.load(path) if path and needed else None

    @cached_property
    def _training_frames(self) -> list[Batch]:
        return Frames.from_config(self.runner.cfg).batches(self._model, self.calibration_images)

    def _oracle_table(self, folder: Path, mode: str) -> Tensor | None:
        """Path losses of test images; computed once, then read from the folder."""
        model, images = self._model, self.settings.oracle_images
        if not images or not model.path_losses.numel():
            return None
        path = folder / "oracle_table.npy"
        if is_main_process() and not path.exists():
            batches = Frames.from_config(self.runner.cfg, mode).batches(model, images)
            samples = [sample for batch in batches for sample in batch.data_samples]
            table = build_path_table(model, torch.cat([batch.inputs for batch in batches]), samples)
            unfinished = path.with_suffix(".tmp.npy")
            np.save(unfinished, table.cpu().numpy())
            unfinished.replace(path)
        barrier()
        return torch.from_numpy(np.load(path))

    def _delta(self, metrics: Mapping[str, float], single: Mapping[str, float]) -> float | None:
        """Δm against the config's baselines, or else, by the main metric of every task, the single-task nets' scores.

        None where there is no metric that stands for a task, or a single-task net has no positive score.
        """
        if isinstance(self.evaluator, MultiTaskEvaluator):
            return self.evaluator.delta(metrics)
        baselines = {name: single[name] for name in main_metrics(single).values()}
        if not baselines or not all(math.isfinite(value) and value > 0 for value in baselines.values()):
            return None
        directions = {name: info.higher_is_better for name in baselines if (info := metric_info(name))}
        return multi_task_delta(metrics, baselines, directions)
