"""Random numbers that depend on where they are used, not on what ran before: resuming changes nothing."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler


def derive_seed(*parts: int | str) -> int:
    """A 32-bit seed from numbers and names such as (seed, stage, iteration, sample)."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=4).digest(), "little")


class BatchOrder(Protocol):
    """Which images are in a batch."""

    def batch(self, number: int, batch_size: int) -> list[int]:
        """Indices of batch ``number``; processes that run side by side take different numbers."""


class ShuffledOrder:
    """Endless shuffled indices; every pass through the data set is another permutation.

    Args:
        size: Number of images.
        seed: Numbers and names that the order depends on.
    """

    def __init__(self, size: int, *seed: int | str) -> None:
        self.size, self.seed = size, seed
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def batch(self, number: int, batch_size: int) -> list[int]:
        """Indices of one batch."""
        return [self._index(number * batch_size + place) for place in range(batch_size)]

    def _index(self, position: int) -> int:
        if position // self.size != self._epoch:
            self._epoch = position // self.size
            self._order = np.random.default_rng(derive_seed(*self.seed, self._epoch)).permutation(self.size)
        return int(self._order[position % self.size])


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
        order: Chooses the images of each batch; None goes through the whole data set again and again.

    Raises:
        ValueError: If the data set is empty.
    """

    def __init__(
        self,
        size: int,
        batch_size: int,
        *,
        seed: int,
        stage: str,
        start: int,
        stop: int,
        rank: int,
        world_size: int,
        order: BatchOrder | None = None,
    ) -> None:
        if size < 1:
            raise ValueError(f"the training data set has {size} samples, a stage needs at least one")
        self.batch_size, self.seed, self.stage = batch_size, seed, stage
        self.order = order or ShuffledOrder(size, seed, stage)
        self.start, self.stop, self.rank, self.world_size = start, stop, rank, world_size

    def __len__(self) -> int:
        return (self.stop - self.start) * self.batch_size

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for iteration in range(self.start, self.stop):
            number = iteration * self.world_size + self.rank
            for place, index in enumerate(self.order.batch(number, self.batch_size)):
                yield (
                    index,
                    derive_seed(self.seed, self.stage, iteration, number * self.batch_size + place, index),
                )


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

    @property
    def image_tasks(self) -> Any:
        """That of the wrapped data set; None where images count for all tasks."""
        return getattr(self.dataset, "image_tasks", None)

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
