"""Random numbers that depend on where they are used, not on what ran before: resuming changes nothing."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler


def derive_seed(*parts: int | str) -> int:
    """A 32-bit seed from numbers and names such as (seed, stage, iteration, sample)."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=4).digest(), "little")


class StageSampler(Sampler[tuple[int, int]]):
    """Endless shuffled indices of one stage, each with the seed of its augmentation.

    Args:
        size: Number of samples in the data set.
        batch_size: Samples a process takes in one iteration.
        seed: Seed of the run.
        stage: Name of the stage.
        start: First iteration of the stage that is run now.
        stop: Iteration after the last one.
        rank: Number of this process.
        world_size: Number of processes.

    Raises:
        ValueError: If the data set is empty.
    """

    def __init__(
        self, size: int, batch_size: int, *, seed: int, stage: str, start: int, stop: int, rank: int, world_size: int
    ) -> None:
        if size < 1:
            raise ValueError(f"the training data set has {size} samples, a stage needs at least one")
        self.size, self.batch_size, self.seed, self.stage = size, batch_size, seed, stage
        self.start, self.stop, self.rank, self.world_size = start, stop, rank, world_size

    def __len__(self) -> int:
        return (self.stop - self.start) * self.batch_size

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch, order = -1, np.empty(0, dtype=np.int64)
        for iteration in range(self.start, self.stop):
            first = (iteration * self.world_size + self.rank) * self.batch_size
            for position in range(first, first + self.batch_size):
                if position // self.size != epoch:
                    epoch = position // self.size
                    order = np.random.default_rng(derive_seed(self.seed, self.stage, epoch)).permutation(self.size)
                index = int(order[position % self.size])
                yield index, derive_seed(self.seed, self.stage, iteration, position, index)


class SeededDataset(Dataset):
    """A data set whose random transforms draw from the seed that comes with the index.

    Args:
        dataset: Any map-style data set; transforms draw from the global generators of Python, numpy and torch,
            which are set for the time of one sample.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def metainfo(self) -> dict[str, Any]:
        """That of the wrapped data set."""
        return getattr(self.dataset, "metainfo", {})

    def __getitem__(self, key: tuple[int, int]) -> Any:
        index, seed = key
        with _global_seed(seed):
            return self.dataset[index]


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
