"""The train loop that runs stages."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import DATASETS as ROOT_DATASETS
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader, Dataset

from mmdymu.models import ControllableNet
from mmdymu.registry import LOOPS

from ..balancing import balanced_order
from ..frames import Frames
from ..hooks.stage_progress_hook import StageProgressHook
from ..hooks.stage_record_hook import StageRecordHook
from ..seeding import SeededDataset, StageSampler, derive_seed
from .fitting import check_heads, check_metrics
from .ownership import build_optimizer, finish_stage
from .restarting import keep_or_restore_start
from .stage import Stage, build_stages
from .start import check_start, renew_hypernets


@LOOPS.register_module()
class StageTrainLoop(BaseLoop):
    """Runs training stages one after the other in one run, resumable at any iteration.

    Every stage has its own optimiser and schedule; what it does not own is frozen. All randomness of an iteration
    (images, augmentation, preferences, noise) comes from (seed, stage, iteration), so that a resumed run goes on
    exactly as an uninterrupted one.

    Args:
        runner: The runner.
        dataloader: Config of the train loader; its sampler is replaced by the stages' own, which balances tasks if
            the config asks for a :class:`TaskBalancedSampler`.
        stages: Configs of the stages by name (``trunk``, ``anchor``, ``edges``, ``weights``), see
            :func:`mmdymu.engine.loops.stage.build_stages`. Stages ``trunk`` and ``anchor`` are left out if the model
            starts from single-task checkpoints.
        val_interval: Validate every so many iterations; 0 never.
        skip: Names of stages that are left out, as with ``load_from`` a checkpoint that has them behind it.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: Mapping[str, Any],
        stages: Mapping[str, Mapping[str, Any] | None],
        val_interval: int = 0,
        skip: Sequence[str] = (),
    ) -> None:
        # BaseLoop would build the loader at once; here stages build theirs when they need images.
        self._runner = runner
        self._loader_config = copy.deepcopy(dict(dataloader))
        self._dataloader: DataLoader | None = None
        self.stages = build_stages(stages, self._skipped(skip))
        self.val_interval, self.val_begin = val_interval, 1
        self.stop_training = False
        self._epoch, self._max_epochs = 0, 1
        self._optim_config = copy.deepcopy(runner.optim_wrapper)
        if runner.param_schedulers:
            print_log("the top-level param_scheduler is not used: stages have their own", "current")
        runner.register_hook(StageProgressHook())
        self._record = StageRecordHook()
        runner.register_hook(self._record)
        self._iteration = 0
        # Runner.train scales the learning rate and builds the schedule of what the loop leaves it with.
        self._current: Stage | None = self.stages[0]
        runner.optim_wrapper = build_optimizer(_module(runner), self.stages[0], self._optim_config)
        runner.param_schedulers = self.stages[0].schedulers()

    # ------------------------------------------------- what mmengine asks for

    @property
    def _iter(self) -> int:
        return self._iteration

    @_iter.setter
    def _iter(self, value: int) -> None:
        # Runner.resume sets the iteration just before it loads optimiser and schedule: the stage that wrote the
        # checkpoint must be installed by then.
        self._record.check(self._runner, value)
        self._iteration = value
        self._install(self._stage_at(max(value - 1, 0)))

    @property
    def iter(self) -> int:
        """Iterations done."""
        return self._iteration

    @property
    def stage(self) -> Stage:
        """The stage of the current iteration."""
        return self._stage_at(self._iteration)

    @property
    def epoch(self) -> int:
        """Always 0: stages count iterations."""
        return self._epoch

    @property
    def max_epochs(self) -> int:
        """Always 1."""
        return self._max_epochs

    @property
    def max_iters(self) -> int:
        """Iterations of all stages."""
        return self.stages[-1].stop

    @property
    def dataloader(self) -> DataLoader:
        """The train loader; its data set is built on first use, no image is loaded by that."""
        if self._dataloader is None:
            config = copy.deepcopy(self._loader_config)
            dataset = SeededDataset(ROOT_DATASETS.build(config["dataset"]))
            check_heads(_module(self._runner), dataset.metainfo)
            config["dataset"] = dataset
            config["sampler"] = self._sampler(dataset, self.stages[0], 0)
            self._dataloader = self._runner.build_dataloader(config, seed=self._runner.seed)
            self._runner.visualizer.dataset_meta = dataset.metainfo
        return self._dataloader

    def run(self) -> torch.nn.Module:
        """Runs what is left of the stages.

        Returns:
            The trained model.

        Raises:
            ValueError: If a head or a metric does not fit the data or the model.
        """
        if self._runner.val_loop is not None:
            check_metrics(_module(self._runner), self._runner.val_loop.evaluator.metrics)
        self._runner.call_hook("before_train")
        self._runner.call_hook("before_train_epoch")
        while self._iteration < self.max_iters and not self.stop_training:
            self._run_stage(self._stage_at(self._iteration))
        _module(self._runner).eval()
        self._runner.call_hook("after_train_epoch")
        self._runner.call_hook("after_train")
        return self._runner.model

    # ---------------------------------------------------------------- stages

    def _skipped(self, skip: Sequence[str]) -> tuple[str, ...]:
        if not _module(self._runner).anchor_checkpoints:
            return tuple(skip)
        print_log("single-task checkpoints are configured: stages trunk and anchor are left out", "current")
        return (*skip, "trunk", "anchor")

    def _stage_at(self, iteration: int) -> Stage:
        return next((stage for stage in self.stages if iteration < stage.stop), self.stages[-1])

    def _run_stage(self, stage: Stage) -> None:
        self._enter(stage)
        batches = self._batches(stage)
        while self._iteration < stage.stop and not self.stop_training:
            self._run_iter(stage, batches)
            self._iteration += 1
            if self._validates_now():
                self._runner.val_loop.run()
                self._runner.model.train()

    def _enter(self, stage: Stage) -> None:
        model = _module(self._runner)
        done = self._iteration - stage.start
        print_log(f"stage {stage.name}: iterations {done} to {stage.max_iters}", "current")
        print_log(
            f"eta is the time to the end of stage {stage.name}, the counter that of all {self.max_iters} iterations",
            "current",
        )
        position = self.stages.index(stage)
        if done == 0:
            self._forget_averages()
            loaded = bool(self._runner._load_from)
            check_start(model, [s.name for s in self.stages[: position + 1]], loaded)
            if position == 0 and loaded:
                renew_hypernets(model, [s.objective for s in self.stages])
                self._current = None  # What the stage owns may depend on what was loaded, such as a tree.
            keep_or_restore_start(model, self.stages, stage, self._runner.work_dir, loaded)
        frames = Frames.from_config(self._runner.cfg)
        stage.objective.prepare(model, frames, resumed=done > 0)
        model.begin_stage(stage.objective)
        self._wrap(model)
        self._install(stage)
        # Gradients are accumulated within a stage; what is left at its end is a last, smaller step.
        self._runner.optim_wrapper.initialize_count_status(model, done, stage.max_iters)

    def _forget_averages(self) -> None:
        """Running means in the log must not mix two stages."""
        scalars = self._runner.message_hub.log_scalars
        for name in [name for name in scalars if name.startswith("train/")]:
            del scalars[name]

    def _wrap(self, model: ControllableNet) -> None:
        """Distributed training looks at requires_grad when a model is wrapped, so every stage wraps anew."""
        if self._runner.distributed:
            self._runner.model = self._runner.wrap_model(self._runner.cfg.get("model_wrapper_cfg"), model)
        self._runner.model.train()

    def _install(self, stage: Stage) -> None:
        """Gives the runner the stage's optimiser and schedule, over the parameters that the stage owns."""
        if self._current is stage:
            return
        runner = self._runner
        runner.param_schedulers = None  # Runner.scale_lr refuses while there is a schedule.
        runner.optim_wrapper = build_optimizer(_module(runner), stage, self._optim_config)
        runner.scale_lr(runner.optim_wrapper, runner.auto_scale_lr)
        runner.param_schedulers = [
            PARAM_SCHEDULERS.build(config, default_args={"optimizer": runner.optim_wrapper})
            for config in stage.schedulers()
        ]
        self._current = stage

    def _sampler(self, dataset: Dataset, stage: Stage, done: int) -> StageSampler:
        return StageSampler(
            len(dataset),  # type: ignore[arg-type]
            stage.batch_size or self._loader_config["batch_size"],
            seed=self._runner.seed,
            stage=stage.name,
            start=done,
            stop=stage.max_iters,
            rank=get_rank(),
            world_size=get_world_size(),
            order=balanced_order(self._loader_config.get("sampler"), dataset, self._runner.seed, stage.name),
        )

    def _batches(self, stage: Stage) -> Iterator[dict[str, Any]]:
        done = self._iteration - stage.start
        if not stage.objective.needs_images:
            return ({"inputs": None, "data_samples": None} for _ in range(done, stage.max_iters))
        dataset = self._dataset(stage)
        config = copy.deepcopy({key: value for key, value in self._loader_config.items() if key != "dataset"})
        config.update(dataset=dataset, sampler=self._sampler(dataset, stage, done))
        config["batch_size"] = stage.batch_size or config["batch_size"]
        return iter(self._runner.build_dataloader(config, seed=self._runner.seed))

    def _dataset(self, stage: Stage) -> Dataset:
        """The train loader's data set, with the stage's transforms if it has any."""
        if stage.pipeline is None:
            return self.dataloader.dataset
        config = {**self._loader_config["dataset"], "pipeline": stage.pipeline}
        return SeededDataset(ROOT_DATASETS.build(copy.deepcopy(config)))

    def _run_iter(self, stage: Stage, batches: Iterator[dict[str, Any]]) -> None:
        runner, step = self._runner, self._iteration - stage.start
        data = dict(next(batches))
        seed = (runner.seed, stage.name, step, get_rank())
        torch.manual_seed(derive_seed(*seed, "noise"))
        rng = np.random.default_rng(derive_seed(*seed, "preferences"))
        data["preferences"] = stage.objective.preferences(_module(runner).tasks, rng)
        data["step"], data["progress"] = step, step / stage.max_iters
        runner.call_hook("before_train_iter", batch_idx=self._iteration, data_batch=data)
        outputs = runner.model.train_step(data, optim_wrapper=runner.optim_wrapper)
        if step + 1 == stage.max_iters:
            # Before the hooks, one of which writes the checkpoint.
            finish_stage(_module(runner), stage.objective)
        runner.call_hook("after_train_iter", batch_idx=self._iteration, data_batch=data, outputs=outputs)

    def _validates_now(self) -> bool:
        return bool(
            self._runner.val_loop is not None
            and self.val_interval
            and (self._iteration % self.val_interval == 0 or self._iteration == self.max_iters)
        )


def _module(runner: Runner) -> ControllableNet:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
