"""Losses and metrics of many networks on the same images, each computed once."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch
from mmengine.dist import all_reduce, get_dist_info
from mmengine.evaluator import BaseMetric, DumpResults
from mmengine.logging import MMLogger
from mmengine.structures import BaseDataElement
from mmpretrain.structures import MultiTaskDataSample
from torch import Tensor

from mmdymu.models import ControllableNet
from mmdymu.models.backbones import NodeStates
from mmdymu.models.data_preprocessors.multi_task_data_preprocessor import LABEL_PAD_VALUES
from mmdymu.search.fused import fused_copy
from mmdymu.search.path_table import pick_labels
from mmdymu.search.routes import Network, NodeVariants, Route, network_of, run_routes
from mmdymu.tree import BranchingTree

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

    Raises:
        ValueError: If a metric stores predictions.
    """

    def __init__(self, model: ControllableNet, metrics: Sequence[BaseMetric], fp16: bool = False) -> None:
        if any(isinstance(metric, DumpResults) for metric in metrics):
            raise ValueError(
                "DumpResults would write all networks of a sweep into one file: leave it out of the evaluator"
            )
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
        """(N,) test losses of a measured network, in the unit of the training losses; NaN without a label.

        The mean over images that have a label of the task, of each image's own loss, so that batches and processes do
        not matter. Labels are picked at the resolution of the heads' outputs, as for path tables.
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
        tested_routes = list(dict.fromkeys(route for _, network in running for route in network))
        compared_routes = self._quickest([route for route in sums if route not in tested_routes])
        done = 0
        for batch in batches:
            data = self.model.data_preprocessor(batch, False)
            inputs, samples = data["inputs"], data["data_samples"]
            losses_of = _BatchLosses(self.model, samples[: _own_images(done, len(samples), size)])
            outputs = dict(self._run(self.model, inputs, samples, tested_routes))
            for route, raw in outputs.items():
                if route in sums:
                    sums[route] += losses_of(route, raw)
            for model, routes in compared_routes:
                for route, raw in self._run(model, inputs, samples, routes):
                    sums[route] += losses_of(route, raw)
            done += len(samples)
            for job, metrics in running.items():
                self._process(batch, samples, outputs, job, metrics)
            after_batch()
        self._losses.update(_means(sums))
        for job, metrics in running.items():
            self._results[job] = self._evaluated(job, metrics, size)

    def _reads(self, metric: BaseMetric) -> tuple[str, ...]:
        reads = tuple(getattr(metric, "reads", self.model.tasks))
        # A metric of an unknown task complains by itself when it sees the samples.
        return reads if set(reads) <= set(self.model.tasks) else self.model.tasks

    def _jobs(self, network: Network) -> list[Job]:
        index = {task: number for number, task in enumerate(self.model.tasks)}
        return [(reads, tuple(network[index[task]] for task in reads)) for reads in self._metrics]

    def _quickest(self, routes: Sequence[Route]) -> list[tuple[ControllableNet, list[Route]]]:
        """Routes that keep the nodes' own states may run with folded norms, as path tables do."""
        plain = [route for route in routes if not any(number for _, number in route.steps)]
        others = [route for route in routes if route not in plain]
        return [(model, part) for model, part in ((self._folded, plain), (self.model, others)) if part]

    @cached_property
    def _folded(self) -> ControllableNet:
        return fused_copy(self.model)

    def _run(
        self, model: ControllableNet, inputs: Tensor, samples: Sequence[MultiTaskDataSample], routes: Sequence[Route]
    ) -> Iterator[tuple[Route, Tensor]]:
        outputs = run_routes(model, self._variants, inputs, routes, model.task_rows(samples))
        while True:
            with torch.autocast(inputs.device.type, enabled=self.fp16):
                found = next(outputs, None)
            if found is None:
                return
            yield found

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

    def _evaluated(self, job: Job, metrics: Sequence[BaseMetric], size: int) -> dict[str, float]:
        """Results of some metrics, whose tables and warnings are logged for the first network only."""
        known = any(reads == job[0] for reads, _ in self._results)
        with _quiet(logging.ERROR if known else logging.WARNING):
            return {name: value for metric in metrics for name, value in metric.evaluate(size).items()}


class _BatchLosses:
    """Losses of the images of a batch that have a label.

    Args:
        model: Tells losses.
        samples: Those that no sampler has repeated; they are the first ones of the batch.
    """

    def __init__(self, model: ControllableNet, samples: Sequence[MultiTaskDataSample]) -> None:
        self.model, self.samples = model, samples
        self.rows = model.task_rows(samples) or [range(len(samples))] * model.num_tasks
        self._small: dict[int, list[tuple[int, MultiTaskDataSample]]] = {}

    @torch.no_grad()
    def __call__(self, route: Route, raw: Tensor) -> Tensor:
        """(2,) float64: the sum over images of a route's own loss, and their number."""
        if route.task not in self._small:
            self._small[route.task] = list(self._labelled(route.task, raw))
        task, own = self.model.tasks[route.task], self._small[route.task]
        losses = [self.model.task_loss(task, raw[place : place + 1].float(), [sample])[0] for place, sample in own]
        return torch.tensor([sum(map(float, losses)), len(losses)], dtype=torch.float64)

    def _labelled(self, number: int, raw: Tensor) -> Iterator[tuple[int, MultiTaskDataSample]]:
        """Places in a task's output, and samples with labels of the output's size."""
        task = self.model.tasks[number]
        for place, row in enumerate(self.rows[number]):
            small = pick_labels(self.samples[row], {task: raw.shape[-2:]})
            if _is_labelled(small.get(task)):
                yield place, small


def _is_labelled(sample: BaseDataElement) -> bool:
    """Whether a task's sample has a label; of maps, a pixel that is not ignored."""
    maps = [(sample.get(name), ignored) for name, ignored in LABEL_PAD_VALUES.items() if name in sample]
    return any(bool((field.data != ignored).any()) for field, ignored in maps) if maps else True


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
