from __future__ import annotations

import itertools
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmdymu.engine import TaskBalancedSampler
from mmdymu.engine.balancing import BalancedOrder, balanced_order, spread_over_tasks
from mmdymu.engine.seeding import SeededDataset, StageSampler

TASKS = np.random.default_rng(0).permutation(np.repeat(np.arange(4), (5, 5, 8, 3)))


class Labelled(torch.utils.data.Dataset):
    """Indices, each of one task."""

    image_tasks = TASKS

    def __len__(self) -> int:
        return len(TASKS)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.tensor(index)


def counts(indices: list[int]) -> list[int]:
    found = Counter(TASKS[indices].tolist())
    return [found[task] for task in range(4)]


class TestOrder:
    @pytest.mark.parametrize("batch_size", [4, 8])
    def test_a_batch_has_the_same_number_of_images_of_each_task(self, batch_size: int) -> None:
        order = BalancedOrder(TASKS, 0)
        assert all(counts(order.batch(number, batch_size)) == [batch_size // 4] * 4 for number in range(20))

    @pytest.mark.parametrize("batch_size", [1, 3, 5, 6, 11])
    def test_else_one_more_of_some_which_take_turns(self, batch_size: int) -> None:
        order = BalancedOrder(TASKS, 0)
        batches = [counts(order.batch(number, batch_size)) for number in range(20)]
        assert all(max(batch) - min(batch) <= 1 for batch in batches)
        sums = np.cumsum(batches, axis=0)
        assert (sums.max(axis=1) - sums.min(axis=1) <= 1).all()

    @pytest.mark.parametrize("batch_size", [4, 6, 7])
    def test_all_images_of_a_task_come_once_before_any_comes_again(self, batch_size: int) -> None:
        order = BalancedOrder(TASKS, 0)
        indices = list(itertools.chain(*(order.batch(number, batch_size) for number in range(30))))
        for task in range(4):
            own = [index for index in indices if TASKS[index] == task]
            size = int((task == TASKS).sum())
            rounds = [own[start : start + size] for start in range(0, len(own) - size, size)]
            assert len(rounds) > 2
            assert all(len(set(images)) == size for images in rounds)
            assert len(set(map(tuple, rounds))) > 1

    def test_any_batch_is_found_without_those_before_it(self) -> None:
        order = BalancedOrder(TASKS, 0)
        batches = [order.batch(number, 6) for number in range(9)]
        assert all(BalancedOrder(TASKS, 0).batch(number, 6) == batches[number] for number in reversed(range(9)))

    def test_parts_of_a_batch_are_balanced_in_another_order_each(self) -> None:
        batch = BalancedOrder(TASKS, 0).batch(0, 24)
        turns = [TASKS[batch[start : start + 4]].tolist() for start in range(0, 24, 4)]
        assert all(sorted(turn) == [0, 1, 2, 3] for turn in turns)
        assert len(set(map(tuple, turns))) > 1

    def test_the_seed_decides(self) -> None:
        assert BalancedOrder(TASKS, 0, "anchor").batch(3, 8) != BalancedOrder(TASKS, 0, "edges").batch(3, 8)

    @pytest.mark.parametrize(("tasks", "message"), [([], "empty"), ([0, 2], r"tasks number \[1\]")])
    def test_tasks_without_images_are_refused(self, tasks: list[int], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            BalancedOrder(tasks, 0)


class TestSampler:
    def sampler(self, rank: int = 0, world_size: int = 1, **options: Any) -> TaskBalancedSampler:
        sampler = TaskBalancedSampler(Labelled(), seed=0, **options)
        sampler.rank, sampler.world_size = rank, world_size
        return sampler

    def test_is_endless_and_deterministic(self) -> None:
        first, second = (list(itertools.islice(self.sampler(batch_size=8), 200)) for _ in range(2))
        assert first == second
        assert all(counts(first[start : start + 8]) == [2] * 4 for start in range(0, 200, 8))

    def test_without_a_batch_size_every_multiple_of_the_tasks_is_balanced(self) -> None:
        indices = list(itertools.islice(self.sampler(), 120))
        for size in (4, 12, 20):
            assert all(counts(indices[start : start + size]) == [size // 4] * 4 for start in range(0, 120, size))

    def test_two_processes_share_the_batches_of_one(self) -> None:
        alone = np.array(list(itertools.islice(self.sampler(batch_size=6), 60))).reshape(5, 2, 6)
        for rank in (0, 1):
            share = list(itertools.islice(self.sampler(rank, 2, batch_size=6), 30))
            assert share == alone[:, rank].reshape(-1).tolist()

    def test_a_data_set_must_say_its_tasks(self) -> None:
        with pytest.raises(TypeError, match="SimpleNamespace has none"):
            TaskBalancedSampler(SimpleNamespace())

    def test_works_in_mmengines_loader(self) -> None:
        init_default_scope("mmdymu")
        config = {"dataset": Labelled(), "sampler": {"type": "TaskBalancedSampler"}, "batch_size": 8, "num_workers": 0}
        config["collate_fn"] = {"type": "default_collate"}
        loader = Runner.build_dataloader(config, seed=3)
        batches = [batch.tolist() for batch in itertools.islice(loader, 3)]
        assert all(counts(batch) == [2] * 4 for batch in batches)


class TestStageSampler:
    def sampler(self, start: int = 0, rank: int = 0, world_size: int = 1) -> StageSampler:
        dataset = SeededDataset(Labelled())
        order = balanced_order({"type": "mmdymu.TaskBalancedSampler"}, dataset, 0, "anchor")
        options = {"seed": 0, "stage": "anchor", "start": start, "stop": 9, "rank": rank, "world_size": world_size}
        return StageSampler(len(dataset), 6, order=order, **options)

    @pytest.mark.parametrize("start", [1, 4, 8])
    def test_a_resumed_run_goes_on_with_the_same_samples(self, start: int) -> None:
        assert list(self.sampler(start)) == list(self.sampler())[6 * start :]

    def test_batches_are_balanced_in_every_process(self) -> None:
        for rank in (0, 1):
            indices = [index for index, _ in self.sampler(rank=rank, world_size=2)]
            assert all(max(c) - min(c) <= 1 for c in (counts(indices[s : s + 6]) for s in range(0, 54, 6)))
        seeds = [seed for rank in (0, 1) for _, seed in self.sampler(rank=rank, world_size=2)]
        assert len(set(seeds)) == len(seeds)

    @pytest.mark.parametrize("config", [None, {"type": "InfiniteSampler", "shuffle": True}])
    def test_other_samplers_are_not_balanced(self, config: dict[str, Any] | None) -> None:
        assert balanced_order(config, Labelled(), 0) is None

    def test_balancing_needs_a_data_set_that_says_its_tasks(self) -> None:
        with pytest.raises(TypeError, match="needs a data set that has image_tasks"):
            balanced_order({"type": "TaskBalancedSampler"}, SeededDataset([0]), 0)


@pytest.mark.parametrize("images", [4, 7, 12, 21])
def test_evenly_spaced_images_of_every_task(images: int) -> None:
    chosen = spread_over_tasks(TASKS, images)
    assert len(set(chosen)) == len(chosen) <= images
    found = counts(chosen)
    assert all(count >= min(images // 4, own) for count, own in zip(found, (5, 5, 8, 3), strict=True))
    assert sorted(TASKS[chosen[:4]]) == [0, 1, 2, 3]


def test_all_images_are_all_images() -> None:
    assert sorted(spread_over_tasks(TASKS, len(TASKS))) == list(range(len(TASKS)))
