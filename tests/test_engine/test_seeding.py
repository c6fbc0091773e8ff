from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader, Dataset

from mmdymu.engine.seeding import SeededDataset, StageSampler, derive_seed


def sampler(**changes: Any) -> StageSampler:
    options = {"seed": 0, "stage": "anchor", "start": 0, "stop": 12, "rank": 0, "world_size": 1, **changes}
    return StageSampler(options.pop("size", 8), options.pop("batch_size", 2), **options)


class Draws(Dataset):
    """Numbers of all three global generators."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, Any]:
        numbers = [random.random(), np.random.random(), float(torch.rand(()))]
        return {"inputs": torch.tensor([index, *numbers], dtype=torch.float64)}


class TestSampler:
    def test_every_epoch_is_another_permutation(self) -> None:
        indices = [index for index, _ in sampler()]
        epochs = [indices[start : start + 8] for start in (0, 8, 16)]
        assert all(sorted(epoch) == list(range(8)) for epoch in epochs)
        assert len(set(map(tuple, epochs))) == 3

    @pytest.mark.parametrize("start", [1, 3, 5, 11])
    def test_a_resumed_run_goes_on_with_the_same_samples(self, start: int) -> None:
        resumed = sampler(start=start)
        assert list(resumed) == list(sampler())[2 * start :]
        assert len(resumed) == 2 * (12 - start)

    @pytest.mark.parametrize(("size", "batch_size", "world_size"), [(8, 2, 2), (12, 2, 3), (12, 1, 4)])
    def test_ranks_share_out_every_epoch(self, size: int, batch_size: int, world_size: int) -> None:
        steps = size // (batch_size * world_size)
        options = {"size": size, "batch_size": batch_size, "stop": steps, "world_size": world_size}
        shares = [[index for index, _ in sampler(rank=rank, **options)] for rank in range(world_size)]
        assert sorted(itertools.chain(*shares)) == list(range(size))

    def test_ranks_together_see_what_one_process_with_a_larger_batch_sees(self) -> None:
        alone = [index for index, _ in sampler(batch_size=4, stop=4)]
        pair = [list(sampler(rank=rank, world_size=2, stop=4)) for rank in (0, 1)]
        together = [pair[rank][2 * step + i][0] for step in range(4) for rank in (0, 1) for i in (0, 1)]
        assert together == alone

    @pytest.mark.parametrize("change", [{"seed": 1}, {"stage": "weights"}])
    def test_seed_and_stage_change_order_and_augmentation(self, change: dict[str, Any]) -> None:
        assert not set(sampler()) & set(sampler(**change))

    def test_no_two_samples_have_one_seed(self) -> None:
        seeds = [seed for _, seed in sampler(stop=100)]
        assert len(set(seeds)) == len(seeds)
        assert all(0 <= seed < 2**32 for seed in seeds)

    def test_a_data_set_smaller_than_a_batch_is_repeated(self) -> None:
        indices = [index for index, _ in sampler(size=3, batch_size=4, stop=3)]
        assert [sorted(indices[i : i + 3]) for i in (0, 3, 6, 9)] == [[0, 1, 2]] * 4

    def test_refuses_an_empty_data_set(self) -> None:
        with pytest.raises(ValueError, match="0 samples"):
            sampler(size=0)


def test_derived_seeds_depend_on_all_parts_in_order() -> None:
    seeds = {derive_seed(*parts) for parts in [(0, "a", 1), (1, "a", 0), (0, "b", 1), (0, "a", 1, 0), ("0", "a", 1)]}
    assert len(seeds) == 5
    assert derive_seed(0, "a", 1) == derive_seed(0, "a", 1)


class TestSeededDataset:
    def test_the_seed_alone_decides(self) -> None:
        dataset = SeededDataset(Draws())
        first = dataset[3, 7]["inputs"]
        random.seed(5), np.random.seed(5), torch.manual_seed(5)
        assert torch.equal(dataset[3, 7]["inputs"], first)
        assert not torch.isin(first[1:], dataset[3, 8]["inputs"][1:]).any()

    def test_leaves_the_global_generators_alone(self) -> None:
        expected = Draws()[0]["inputs"]
        random.seed(0), np.random.seed(0), torch.manual_seed(0)
        SeededDataset(Draws())[3, 7]
        assert torch.equal(Draws()[0]["inputs"], expected)

    def test_restores_the_generators_after_an_error(self) -> None:
        class Broken(Draws):
            def __getitem__(self, index: int) -> dict[str, Any]:
                np.random.random()
                raise OSError("no such image")

        expected = np.random.RandomState(0).random_sample()
        with pytest.raises(OSError, match="no such image"):
            SeededDataset(Broken())[0, 1]
        assert np.random.random() == expected

    def test_the_number_of_workers_does_not_matter(self) -> None:
        def load(workers: int) -> torch.Tensor:
            loader = DataLoader(
                SeededDataset(Draws()), 2, sampler=sampler(stop=4), num_workers=workers, collate_fn=pseudo_collate
            )
            return torch.stack([values for batch in loader for values in batch["inputs"]])

        assert torch.equal(load(0), load(2))

    def test_shows_size_and_metainfo(self) -> None:
        dataset = Draws()
        assert (len(SeededDataset(dataset)), SeededDataset(dataset).metainfo) == (8, {})
        dataset.metainfo = {"tasks": ("depth",)}
        assert SeededDataset(dataset).metainfo == {"tasks": ("depth",)}
