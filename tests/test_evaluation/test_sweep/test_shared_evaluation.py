"""Shared evaluation gives what a test of every network alone gives."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import tiny
import tiny_classes
import torch
from mmengine.evaluator import BaseMetric, DumpResults
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmengine.structures import PixelData
from torch.utils.data import DataLoader

from mmdymu import BranchingTree, Preference
from mmdymu.evaluation import AccuracyMetric, DepthMetric, MeanAccuracyMetric, NormalsMetric, SegmentationMetric
from mmdymu.evaluation.sweep import KeptBatches, SharedEvaluation
from mmdymu.models import ControllableNet, ControllableSegmentor
from mmdymu.search.path_table import shrink_labels

SIZE = 5
CLASSES = tuple("abcd")


def metrics() -> list[BaseMetric]:
    return [SegmentationMetric(classes=CLASSES), DepthMetric(), NormalsMetric()]


@pytest.fixture(scope="module")
def model() -> ControllableSegmentor:
    return tiny.build_model(stream=tiny.SHORT).eval()


@pytest.fixture(scope="module")
def loader() -> DataLoader:
    return Runner.build_dataloader({**tiny.test_loader(size=SIZE), "batch_size": 2}, seed=0)


def selections(model: ControllableNet, count: int = 3) -> list[tuple[Preference, BranchingTree]]:
    rng = np.random.default_rng(0)
    shape = (model.num_layers, model.num_tasks)
    return [
        (
            Preference.sample(model.tasks, rng),
            BranchingTree(tuple(map(tuple, rng.integers(0, model.num_tasks, shape).tolist()))),
        )
        for _ in range(count)
    ]


def run_alone(
    model: ControllableNet, loader: DataLoader, tree: BranchingTree, states: Any, own: Sequence[BaseMetric]
) -> dict[str, float]:
    """What mmengine's loop and evaluator do."""
    for batch in loader:
        data = model.data_preprocessor(batch, False)
        with torch.no_grad():
            rows = model.task_rows(data["data_samples"])
            model.attach(model.run_tree(data["inputs"], tree, states, rows), data["data_samples"])
        for metric in own:
            metric.process(batch, [sample.to_dict() for sample in data["data_samples"]])
    return {name: value for metric in own for name, value in metric.evaluate(len(loader.dataset)).items()}


def test_metrics_are_those_of_single_tests(model: ControllableSegmentor, loader: DataLoader) -> None:
    evaluation = SharedEvaluation(model, metrics())
    chosen = [(tree, model.norm_states(preference, tree)) for preference, tree in selections(model)]
    networks = [evaluation.network(*pair) for pair in chosen]
    evaluation.measure(loader, SIZE, networks)
    for network, (tree, states) in zip(networks, chosen, strict=True):
        assert evaluation.metrics(network) == run_alone(model, loader, tree, states, metrics())


@torch.no_grad()
def test_losses_are_means_over_images_at_the_heads_resolution(model: ControllableSegmentor, loader: DataLoader) -> None:
    evaluation = SharedEvaluation(model, [])
    (_, tree), *_ = selections(model)
    network = evaluation.network(tree)
    evaluation.measure(loader, SIZE, [], [network])
    total = torch.zeros(3)
    for image in Runner.build_dataloader(tiny.test_loader(size=SIZE), seed=0):
        data = model.data_preprocessor(image, False)
        samples = shrink_labels(model, data["inputs"], data["data_samples"])
        total += model.task_losses(model.run_tree(data["inputs"], tree), samples)[0]
    assert evaluation.losses(network) == pytest.approx((total / SIZE).tolist(), rel=1e-5)


class Unlabelled:
    """A loader whose images have no label of a task, but for some."""

    def __init__(self, loader: DataLoader, task: str, labelled: int) -> None:
        self.loader, self.task, self.labelled = loader, task, labelled

    def __iter__(self) -> Iterator[Any]:
        ignored = {"gt_sem_seg": 255, "gt_depth_map": 0, "gt_normals": 0}
        seen = 0
        for batch in self.loader:
            for sample in batch["data_samples"]:
                seen += 1
                if seen > self.labelled:
                    inner = sample.get(self.task)
                    for name in set(ignored) & set(inner.keys()):
                        inner.set_data({name: PixelData(data=torch.full_like(inner.get(name).data, ignored[name]))})
            yield batch


@pytest.mark.parametrize("task", tiny.TASKS)
def test_images_without_a_label_do_not_count(model: ControllableSegmentor, loader: DataLoader, task: str) -> None:
    number = tiny.TASKS.index(task)
    values = []
    first_three = Runner.build_dataloader({**tiny.test_loader(size=3), "batch_size": 3}, seed=0)
    for images in (loader, first_three, Unlabelled(loader, task, 3), Unlabelled(loader, task, 0)):
        evaluation = SharedEvaluation(model, [])
        network = evaluation.network(model.anchor_tree)
        evaluation.measure(images, SIZE, [], [network])
        values.append(evaluation.losses(network)[number])
    everything, three, three_labelled, nothing = values
    assert three_labelled == pytest.approx(three, rel=1e-5)
    assert three_labelled != pytest.approx(everything, rel=1e-5)
    assert np.isnan(nothing)


class Messages(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def test_one_warning_of_a_task_without_labels(model: ControllableSegmentor, loader: DataLoader) -> None:
    evaluation, log, messages = SharedEvaluation(model, metrics()), MMLogger.get_current_instance(), Messages()
    networks = [evaluation.network(tree) for _, tree in selections(model)]
    log.addHandler(messages)
    try:
        evaluation.measure(Unlabelled(loader, "depth", 0), SIZE, networks)
        evaluation.measure(Unlabelled(loader, "depth", 0), SIZE, [evaluation.network(model.anchor_tree)])
    finally:
        log.removeHandler(messages)
    assert sum("'depth'" in text for text in messages.texts) == 1
    assert all(np.isnan(evaluation.metrics(network)["depth/rmse"]) for network in networks)


def test_predictions_are_not_dumped(model: ControllableSegmentor) -> None:
    with pytest.raises(ValueError, match="DumpResults would write all networks"):
        SharedEvaluation(model, [DumpResults("x.pkl")])


class CountingMetric(BaseMetric):
    """Counts how often it was copied into use, and sees all tasks."""

    uses = 0

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        type(self).uses += 1
        for sample in data_samples:
            assert all("pred" in " ".join(sample[task]) for task in tiny.TASKS)
            self.results.append(float(sample["depth"]["pred_depth_map"]["data"].mean()))

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        return {"all/mean": sum(results) / len(results)}


def test_nothing_is_computed_twice(model: ControllableSegmentor, loader: DataLoader) -> None:
    CountingMetric.uses = 0
    evaluation = SharedEvaluation(model, [CountingMetric()])
    separate, trunk = BranchingTree.separate(3, 3), BranchingTree.shared(3, 3, 0)
    networks = [evaluation.network(tree) for tree in (separate, trunk, separate)]
    evaluation.measure(loader, SIZE, networks)
    evaluation.measure(loader, SIZE, networks[:1])
    assert CountingMetric.uses == 2 * len(loader)
    assert evaluation.metrics(networks[0]) == evaluation.metrics(networks[2])
    assert evaluation.metrics(networks[0])["all/mean"] != evaluation.metrics(networks[1])["all/mean"]


def test_the_given_metrics_are_left_unused(model: ControllableSegmentor, loader: DataLoader) -> None:
    (depth,) = given = [DepthMetric()]
    evaluation = SharedEvaluation(model, given)
    evaluation.measure(loader, SIZE, [evaluation.network(model.anchor_tree)])
    with pytest.raises(RuntimeError, match="given no image"):
        depth.evaluate(SIZE)


def test_kept_batches_gain_no_predictions(model: ControllableSegmentor, loader: DataLoader) -> None:
    batches, evaluation = KeptBatches(loader, 1), SharedEvaluation(model, metrics())
    for tree in (model.anchor_tree, BranchingTree.shared(3, 3, 0)):
        evaluation.measure(batches, SIZE, [evaluation.network(tree)])
    samples = [sample for batch in batches for sample in batch["data_samples"]]
    assert len(samples) == SIZE
    assert all(not name.startswith("pred") for sample in samples for name in list(sample.get("depth").keys()))


def test_classifiers(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tiny_classes.write_images(tmp_path_factory.mktemp("classes") / "cifar-100-python")
    model = tiny_classes.build_model().eval()
    loader = Runner.build_dataloader(tiny_classes.loader(folder, "test", batch_size=4), seed=0)
    own = [*(AccuracyMetric(task) for task in model.tasks), MeanAccuracyMetric(model.tasks)]
    evaluation = SharedEvaluation(model, own)
    chosen = [tree for _, tree in selections(model, 2)]
    networks = [evaluation.network(tree) for tree in chosen]
    evaluation.measure(loader, len(loader.dataset), networks)
    for tree, network in zip(chosen, networks, strict=True):
        fresh = [*(AccuracyMetric(task) for task in model.tasks), MeanAccuracyMetric(model.tasks)]
        assert evaluation.metrics(network) == run_alone(model, loader, tree, None, fresh)
        assert all(np.isfinite(evaluation.losses(network)))


def test_a_metric_of_an_unknown_task_complains(model: ControllableSegmentor, loader: DataLoader) -> None:
    evaluation = SharedEvaluation(model, [DepthMetric(task="depht")])
    with pytest.raises(KeyError, match="no task 'depht'"):
        evaluation.measure(loader, SIZE, [evaluation.network(model.anchor_tree)])
