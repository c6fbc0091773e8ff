"""Batches in which every task has the same number of images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmdymu.registry import DATA_SAMPLERS

from .seeding import derive_seed

__all__ = ["BalancedOrder", "TaskBalancedSampler", "balanced_order", "image_tasks_of", "spread_over_tasks"]


def image_tasks_of(dataset: Any) -> np.ndarray | None:
    """(M,) number of the one task that each image of a data set counts for; None where images count for all."""
    found = getattr(dataset, "image_tasks", None)
    return None if found is None else np.asarray(found)


def spread_over_tasks(image_tasks: np.ndarray, images: int) -> list[int]:
    """Evenly spaced images of every task, the tasks taking turns.

    Args:
        image_tasks: (M,) number of every image's task.
        images: How many images in all; M or more takes all of them.

    Returns:
        Their indices; numbers of images a task differ by at most one where every task has enough.
    """
    numbers = np.unique(image_tasks)
    even, rest = divmod(images, len(numbers))
    chosen = []
    for place, number in enumerate(numbers):
        own = np.flatnonzero(image_tasks == number)
        share = len(own) if images >= len(image_tasks) else min(even + (place < rest), len(own))
        places = np.linspace(0, len(own) - 1, share).round().astype(int)
        chosen += [(turn, place, int(index)) for turn, index in enumerate(own[places])]
    return [index for _, _, index in sorted(chosen)]


class BalancedOrder:
    """Endless batches with B / N images of each of N tasks, or one more where B is no multiple of N.

    Which tasks get one more takes turns from batch to batch. The images of a task come in an order of their own,
    another one every time all have been seen. A batch goes through the tasks in turns, each turn in random order, so
    that parts of a batch are balanced, too.

    Any batch is found without those before it, so a resumed run needs to go through none.

    Args:
        image_tasks: (M,) number of every image's task.
        seed: Numbers and names that the order depends on.

    Raises:
        ValueError: If there is no image, or a task number below the largest has none.
    """

    def __init__(self, image_tasks: Sequence[int] | np.ndarray, *seed: int | str) -> None:
        numbers = np.asarray(image_tasks)
        if not numbers.size:
            raise ValueError("image_tasks is empty: a data set without images cannot be balanced")
        self.images = [np.flatnonzero(numbers == number) for number in range(int(numbers.max()) + 1)]
        missing = [number for number, own in enumerate(self.images) if not len(own)]
        if missing:
            raise ValueError(f"the data set has no image of its tasks number {missing}: nothing can balance them")
        self.seed = seed
        self._extras = self._rng("extras").permutation(len(self.images))
        self._orders: dict[int, tuple[int, np.ndarray]] = {}

    @property
    def num_tasks(self) -> int:
        """Number of tasks, N."""
        return len(self.images)

    def batch(self, number: int, batch_size: int) -> list[int]:
        """Indices of one batch.

        Args:
            number: Which one; processes that run side by side take different ones.
            batch_size: Images of every batch, B.

        Returns:
            B indices into the data set.
        """
        even, rest = divmod(batch_size, self.num_tasks)
        rng = self._rng("turns", number)
        turns = [rng.permutation(self.num_tasks) for _ in range(even)]
        places = (number * rest + np.arange(rest)) % self.num_tasks
        seen: dict[int, int] = {}
        indices = []
        for task in np.concatenate([*turns, self._extras[places]]).tolist():
            seen[task] = seen.get(task, self._used_before(task, number, even, rest)) + 1
            indices.append(self._image(task, seen[task] - 1))
        return indices

    def _used_before(self, task: int, number: int, even: int, rest: int) -> int:
        """Images of a task in the batches before a given one."""
        place = int(np.flatnonzero(self._extras == task)[0])
        return number * even + max(0, -((place - number * rest) // self.num_tasks))

    def _image(self, task: int, count: int) -> int:
        """The image of a task that comes after ``count`` others of it."""
        own = self.images[task]
        epoch, position = divmod(count, len(own))
        if self._orders.get(task, (-1,))[0] != epoch:
            self._orders[task] = epoch, self._rng(task, epoch).permutation(own)
        return int(self._orders[task][1][position])

    def _rng(self, *parts: int | str) -> np.random.Generator:
        return np.random.default_rng(derive_seed(*self.seed, "balanced", *parts))


@DATA_SAMPLERS.register_module()
class TaskBalancedSampler(Sampler[int]):
    """Endless indices of which every batch has the same number of images of each task.

    For data sets in which an image counts for one task only, such as :class:`~mmdymu.datasets.CIFAR100Tasks`.
    :class:`StageTrainLoop` sees this type in the train loader's config and balances its own sampler, for any batch
    size of a stage; under mmengine's other loops this class is the sampler.

    Args:
        dataset: Has ``image_tasks``, (M,) number of every image's task.
        batch_size: Images a process takes in one iteration; None: any multiple of the number of tasks.
        seed: Equal in all processes; None draws one.

    Raises:
        TypeError: If the data set has no ``image_tasks``.
        ValueError: If a task has no image, or ``batch_size`` is not positive.
    """

    def __init__(self, dataset: Any, batch_size: int | None = None, seed: int | None = None) -> None:
        self.seed = sync_random_seed() if seed is None else seed
        self.order = BalancedOrder(_needed_image_tasks(dataset), self.seed)
        self.batch_size = self.order.num_tasks if batch_size is None else batch_size
        if self.batch_size < 1:
            raise ValueError(f"batch_size={batch_size} of TaskBalancedSampler must be positive")
        self.size = len(dataset)
        self.rank, self.world_size = get_dist_info()

    def __iter__(self) -> Iterator[int]:
        number = self.rank
        while True:
            yield from self.order.batch(number, self.batch_size)
            number += self.world_size

    def __len__(self) -> int:
        return self.size

    def set_epoch(self, epoch: int) -> None:
        """Does nothing: there are no epochs."""


def balanced_order(sampler: Mapping[str, Any] | None, dataset: Any, *seed: int | str) -> BalancedOrder | None:
    """The order of a stage's batches, if its loader's config asks for balanced ones.

    Args:
        sampler: Config of the loader's sampler.
        dataset: The data set.
        seed: Numbers and names that the order depends on.

    Returns:
        The order; None where the config names another sampler.

    Raises:
        TypeError: If the data set has no ``image_tasks``.
        ValueError: If a task has no image.
    """
    kind = (sampler or {}).get("type")
    found = DATA_SAMPLERS.get(kind) if isinstance(kind, str) else kind
    if not (isinstance(found, type) and issubclass(found, TaskBalancedSampler)):
        return None
    return BalancedOrder(_needed_image_tasks(dataset), *seed)


def _needed_image_tasks(dataset: Any) -> np.ndarray:
    image_tasks = image_tasks_of(dataset)
    if image_tasks is None:
        raise TypeError(
            f"TaskBalancedSampler needs a data set that has image_tasks, {type(dataset).__name__} has none: "
            "use InfiniteSampler where every image counts for all tasks"
        )
    return image_tasks
