"""The loop that tests, or validates, at many preferences."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Hashable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
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
    FREE,
    KeptBatches,
    PreferenceSweep,
    SharedEvaluation,
    SingleLine,
    SweepFile,
    SweepSettings,
    flat_summary,
    json_ready,
    on_main_process,
    read_single_line,
    sweep_header,
    sweep_summary,
)
from mmdymu.models import ControllableNet
from mmdymu.models.backbones import Node, NodeStates
from mmdymu.models.segmentors import Selection
from mmdymu.preference import Preference
from mmdymu.registry import LOOPS
from mmdymu.search import NodeProfile, feasible_prices
from mmdymu.search.path_table import build_path_table
from mmdymu.tree import BranchingTree
from mmdymu.whole_file import whole_file

from ..calibration import calibrate
from ..frames import Batch, Frames
from ..hooks import PreferenceHook


@LOOPS.register_module()
class PreferenceSweepLoop(BaseLoop):
    """Tests the model at many preferences, with cost weights or within budgets, in one go.

    What networks share is computed once.

    As ``test_cfg`` it is what ``tools/sweep.py`` runs; as ``val_cfg`` it validates a controller while it is trained,
    and its numbers (``sweep/hypervolume_c0``, ``multi_task/delta_m``, …) can choose the best checkpoint. It writes
    ``sweep.jsonl`` after every pass over the images, goes on where a killed sweep stopped, and ends with
    ``summary.json``.

    Args:
        runner: The runner. Of its config, ``norm_statistics`` counts, as do the entries of ``sweep``, ``run_anchor``
            (the single-task nets themselves, with their own norms) and ``profile`` for budgets of latency; ``pref``,
            ``cost_weight`` and ``budget`` do not.
        dataloader: Test images.
        evaluator: Metrics.
        sweep: Arguments of :class:`~mmdymu.evaluation.sweep.SweepSettings`, over those of the config.
        out: Folder to write; a validation adds its iteration. Default: ``sweep`` in the work folder.
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
        fp16: bool = False,
    ) -> None:
        super().__init__(runner, dataloader)
        self.settings = SweepSettings.from_config({**runner.cfg.get("sweep", {}), **(sweep or {})})
        self.evaluator = evaluator if isinstance(evaluator, Evaluator) else runner.build_evaluator(evaluator)
        self.evaluator.dataset_meta = getattr(self.dataloader.dataset, "metainfo", None)
        self.out, self.fp16 = out, fp16
        self._calibrated: dict[Hashable, NodeStates] = {}

    def run(self) -> dict[str, float]:
        """Runs what the folder does not hold yet.

        Returns:
            The summary's scalars; in a validation before the edge hypernet is trained, the metrics of the single-task
            nets.

        Raises:
            ValueError: If a test's edge hypernet is not trained, no tree keeps a budget, its folder belongs to another
                sweep, ``sweep.single`` is about other data, or a setting does not go with the model.
        """
        mode = "val" if getattr(self.runner, "_val_loop", None) is self else "test"
        self.runner.call_hook(f"before_{mode}")
        self.runner.call_hook(f"before_{mode}_epoch")
        self._model.eval()
        scalars = self._sweep(mode) if self._is_ready(mode) else self._measure_anchor()
        self.runner.call_hook(f"after_{mode}_epoch", metrics=scalars)
        self.runner.call_hook(f"after_{mode}")
        return scalars

    @property
    def _model(self) -> ControllableNet:
        model = self.runner.model
        return model.module if is_model_wrapper(model) else model

    @property
    def _size(self) -> int:
        return len(self.dataloader.dataset)

    @property
    def _runs_anchor(self) -> bool:
        asked = bool(self.runner.cfg.get("run_anchor", False))
        if asked and self.settings.budgets:
            raise ValueError("run_anchor=True sweeps one tree, whatever a budget: leave sweep.budgets out")
        return asked

    def _is_ready(self, mode: str) -> bool:
        if self._runs_anchor:
            return mode == "test"
        if not self._model.is_controllable and mode == "test":
            raise ValueError("the edge hypernet is untrained, so preferences change nothing: run the edges stage first")
        return self._model.is_controllable

    def _measure_anchor(self) -> dict[str, float]:
        """What a validation tells before there is a controller."""
        print_log("the edge hypernet is untrained: the single-task nets are validated", "current")
        evaluation = SharedEvaluation(self._model, self.evaluator.metrics, self.fp16)
        network = evaluation.network(self._model.anchor_tree)
        evaluation.measure(self.dataloader, self._size, [network])
        return evaluation.metrics(network)

    def _sweep(self, mode: str) -> dict[str, float]:
        model = self._model
        runs_anchor = self._runs_anchor
        model.set_norm_statistics("running" if runs_anchor else self._norm_statistics())
        for budget in self.settings.budgets:
            feasible_prices(model, budget, self._profile)  # before anything is written
        base = self.out or str(Path(self.runner.work_dir) / "sweep")
        folder = Path(base if mode == "test" else f"{base}_{self.runner.iter}")
        header = sweep_header(self.runner.cfg, mode, model, self.settings, self._size, **self._options(runs_anchor))
        single = self._single_line(header)
        header |= {"single": single and single.sha256, "single_from": single and str(single.path)}
        # Weights change while a model is trained, so a validation begins anew where an earlier training left a file.
        file = SweepFile(folder / "sweep.jsonl", header, replace=mode == "val")
        evaluation = SharedEvaluation(model, self.evaluator.metrics, self.fp16)
        functions = (self._states, self._delta, self._profile)
        sweep = PreferenceSweep(model, evaluation, self.settings, *functions, single=single, runs_anchor=runs_anchor)
        batches = KeptBatches(self.dataloader, self.settings.cache_gib)
        asked = on_main_process(
            lambda: sweep.ask(file, self._oracle_table(folder, mode, header) if sweep.compares_trees else None)
        )
        sweep.run(batches, len(batches), self._size, asked, file)
        summary = json_ready(sweep_summary(model, self.settings, file))
        on_main_process(lambda: dump(summary, folder / "summary.json", indent=2))
        print_log(f"written: {folder / 'sweep.jsonl'}, {folder / 'summary.json'}", "current")
        return flat_summary(summary)

    def _norm_statistics(self) -> str:
        setting = self.runner.cfg.get("norm_statistics", "running")
        if setting == "batch":
            raise ValueError(
                "norm_statistics='batch' lets the other images of a batch change a prediction, so that networks cannot "
                "be compared: sweep with 'running' or 'calibrated'"
            )
        return setting

    def _options(self, runs_anchor: bool) -> dict[str, Any]:
        images = self._calibration_images if self._model.norm_statistics == "calibrated" else None
        return {"fp16": self.fp16, "calibration_images": images, "run_anchor": runs_anchor or None}

    def _single_line(self, header: Mapping[str, Any]) -> SingleLine | None:
        path = self.settings.single
        if path is None:
            return None
        print_log(f"losses are divided by those of the single-task nets in {path}", "current")
        return on_main_process(lambda: read_single_line(path, json_ready(header)))

    @cached_property
    def _calibration_images(self) -> int:
        """As the config's preference hook says."""
        hooks = [hook for hook in self.runner.hooks if isinstance(hook, PreferenceHook)]
        return (hooks or [PreferenceHook()])[0].calibration_images

    def _states(self, preference: Preference, tree: BranchingTree) -> NodeStates:
        """Adapted norms of a tree's nodes, and their calibrated statistics where these are asked for."""
        model = self._model
        states = model.norm_states(preference, tree)
        if model.norm_statistics != "calibrated":
            return states
        key = (tree, preference if states else None)
        if key not in self._calibrated:
            selection = Selection(preference, tree, states)
            # On one process: where another measured slightly other numbers, networks would be equal on one alone.
            found = on_main_process(lambda: _on_cpu(calibrate(model, selection, self._training_frames)))
            measured = Selection(preference, tree, found).map_states(lambda value: value.to(model.loss_scale.device))
            self._calibrated[key] = selection.with_states(measured.node_states).node_states
        return self._calibrated[key]

    @cached_property
    def _profile(self) -> NodeProfile | None:
        return NodeProfile.of_config(self.runner.cfg, *self.settings.budgets)

    @cached_property
    def _training_frames(self) -> list[Batch]:
        return Frames.from_config(self.runner.cfg).batches(self._model, self._calibration_images)

    def _oracle_table(self, folder: Path, mode: str, header: Mapping[str, Any]) -> Tensor | None:
        """Path losses of test images; computed once for a header, then read from the folder."""
        model, images = self._model, self.settings.oracle_images
        if not images:
            return None
        if not model.path_losses.numel():
            raise ValueError(
                f"sweep.oracle_images={images}: {model.num_tasks} tasks and {model.num_layers} layers have too many "
                "paths for a table, so there is no oracle: leave it out"
            )
        # Neither where things lie nor other single-task nets change the table.
        measured = {key: value for key, value in header.items() if key not in (*FREE, "single")}
        digest = hashlib.sha256(json.dumps(measured, sort_keys=True).encode()).hexdigest()
        path = folder / f"oracle_table_{digest[:12]}.npy"
        if not path.exists():
            batches = Frames.from_config(self.runner.cfg, mode).batches(model, images)
            samples = [sample for batch in batches for sample in batch.data_samples]
            table = build_path_table(model, torch.cat([batch.inputs for batch in batches]), samples)
            with whole_file(path) as unfinished:
                np.save(unfinished, table.cpu().numpy())
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


def _on_cpu(states: NodeStates) -> dict[Node, dict[str, Tensor]]:
    return {node: {name: value.cpu() for name, value in state.items()} for node, state in states.items()}
