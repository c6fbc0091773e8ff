"""Losses and metrics of many networks on the same images, each computed once."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.dist import all_reduce, get_dist_info
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpretrain.structures import MultiTaskDataSample
from torch import Tensor

from mmdymu.models import ControllableNet
from mmdymu.models.backbones import NodeStates
from mmdymu.search.path_table import pick_labels
from mmdymu.tree import BranchingTree

from .routes import Network, NodeVariants, Route, network_of, run_routes

__all__ = ["SharedEvaluation"]

Job = tuple[tuple[str, ...], Network]
"""Tasks that some metrics look at, and the routes of these tasks."""


class SharedEvaluation:
    """Evaluates networks route by route, so that what two networks have in common is computed once.

    A metric that looks at one task is computed once for every route of that task; one that looks at several, once for
    every combination of their routes.

    Args:
        model: In evaluation mode; tells nodes, heads, losses and predictions.
        metrics: Built metrics with their data set's meta information; those without ``reads`` are taken to look at all
            tasks. They are copied, not used.
        fp16: Run the networks under autocast.
    """

    def __init__(self, model: ControllableNet, metrics: Sequence[BaseMetric], fp16: bool = False) -> None:
        self.model, self.fp16 = model, fp16
        self._metrics: dict[tuple[str, ...], list[BaseMetric]] = {}
        for metric in metrics:
            self._metrics.setdefault(self._reads(metric), []).append(metric)
        self._variants = NodeVariants()
        self._losses: dict[Route, float] = {}
        self._results: dict[Job, dict[str, float]] = {}

    def network(self, tree: BranchingTree, states: NodeStates | None = None) -> Network:
        """A tree with the states of its nodes, as the other methods take it."""
        return network_of(self._variants, tree, states)

    def losses(self, network: Network) -> list[float]:
        """(N,) mean test losses of a measured network, in the unit of the training losses; NaN without a label.

        A batch counts with its number of images of the task. Labels are picked at the resolution of the heads' outputs,
        as for path tables.
        """
        return [self._losses[route] for route in network]

    def metrics(self, network: Network) -> dict[str, float]:
        """Metrics of a measured network, by ``task/metric``."""
        return {name: value for job in self._jobs(network) for name, value in self._results[job].items()}

    def measure(
        self,
        batches: Iterable[Mapping[str, Any]],
        size: int,
        tested: Sequence[Network],
        compared: Sequence[Network] = (),
        after_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """Runs what is not known yet.

        Args:
            batches: Batches of a test loader, this process's share.
            size: Number of images in the data set.
            tested: Networks whose losses and metrics are wanted.
            compared: Networks whose losses alone are wanted.
            after_batch: Called after every batch.
        """
        jobs = [job for network in tested for job in self._jobs(network) if job not in self._results]
        running = {job: copy.deepcopy(self._metrics[job[0]]) for job in dict.fromkeys(jobs)}
        losses = {route for network in (*tested, *compared) for route in network if route not in self._losses}
        sums = {route: torch.zeros(2, dtype=torch.float64) for route in sorted(losses, key=_position)}
        routes = [*sums, *(route for _, network in running for route in network)]
        done = 0
        for batch in batches:
            data = self.model.data_preprocessor(batch, False)
            inputs, samples = data["inputs"], data["data_samples"]
            with torch.autocast(inputs.device.type, enabled=self.fp16):
                outputs = run_routes(self.model, self._variants, inputs, routes, self.model.task_rows(samples))
            self._add_losses(sums, outputs, samples[: _own_images(done, len(samples), size)])
            done += len(samples)
            for job, metrics in running.items():
                self._process(batch, samples, outputs, job, metrics)
            after_batch()
        self._losses.update(_means(sums))
        self._results.update({job: self._evaluated(metrics, size) for job, metrics in running.items()})

    def _reads(self, metric: BaseMetric) -> tuple[str, ...]:
        reads = tuple(getattr(metric, "reads", self.model.tasks))
        # A metric of an unknown task complains by itself when it sees the samples.
        return reads if set(reads) <= set(self.model.tasks) else self.model.tasks

    def _jobs(self, network: Network) -> list[Job]:
        index = {task: number for number, task in enumerate(self.model.tasks)}
        return [(reads, tuple(network[index[task]] for task in reads)) for reads in self._metrics]

    @torch.no_grad()
    def _add_losses(
        self, sums: Mapping[Route, Tensor], outputs: Mapping[Route, Tensor], samples: Sequence[MultiTaskDataSample]
    ) -> None:
        if not samples:
            return
        sizes = {self.model.tasks[route.task]: outputs[route].shape[-2:] for route in sums if route in outputs}
        small = [pick_labels(sample, sizes) for sample in samples]
        counts = self.model.task_counts(small)
        for route, total in sums.items():
            count = counts[route.task]
            if count:
                # Images that a sampler repeats are the last ones of a batch.
                raw = outputs[route][:count].float()
                loss, _ = self.model.task_loss(self.model.tasks[route.task], raw, small)
                total += torch.tensor([float(loss) * count, count], dtype=torch.float64)

    @torch.no_grad()
    def _process(
        self,
        batch: Mapping[str, Any],
        samples: Sequence[MultiTaskDataSample],
        outputs: Mapping[Route, Tensor],
        job: Job,
        metrics: Sequence[BaseMetric],
    ) -> None:
        raw = {task: outputs[route] for task, route in zip(*job, strict=True) if route in outputs}
        self.model.attach(raw, samples)
        entries = [sample.to_dict() for sample in samples]
        for metric in metrics:
            metric.process(batch, entries)

    def _evaluated(self, metrics: Sequence[BaseMetric], size: int) -> dict[str, float]:
        """Results of some metrics; only the first evaluation of a sweep may log, or every network would repeat it."""
        with _quiet(logging.ERROR if self._results else logging.WARNING):
            return {name: value for metric in metrics for name, value in metric.evaluate(size).items()}


def _position(route: Route) -> tuple[Any, ...]:
    """An order that is the same in all processes."""
    return route.task, route.steps


def _own_images(done: int, images: int, size: int) -> int:
    """How many images of a batch are not repetitions; see :func:`newest_is_repeated` for the samplers' order."""
    rank, world_size = get_dist_info()
    return min(images, max(math.ceil((size - rank) / world_size) - done, 0))


def _means(sums: Mapping[Route, Tensor]) -> dict[Route, float]:
    if not sums:
        return {}
    totals = torch.stack(list(sums.values()))
    all_reduce(totals)
    return {
        route: float(total / count) if count else math.nan for route, (total, count) in zip(sums, totals, strict=True)
    }


@contextmanager
def _quiet(level: int) -> Iterator[None]:
    """Raises the level of the current log."""
    logger = MMLogger.get_current_instance()
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
