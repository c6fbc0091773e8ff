"""Training images without augmentation: for path tables, affinities and norm statistics."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmpretrain.structures import MultiTaskDataSample
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Subset

from mmdymu.models import ControllableNet
from mmdymu.registry import DATASETS
from mmdymu.search.path_table import pick_labels

from .balancing import image_tasks_of, spread_over_tasks


@dataclass(frozen=True)
class Batch:
    """Preprocessed images and their labels.

    Attributes:
        inputs: (B, 3, H, W), normalised.
        data_samples: One multi-task sample an image.
    """

    inputs: Tensor
    data_samples: Sequence[MultiTaskDataSample]


class Frames:
    """Evenly spaced images of a data set, always the same ones.

    Where every image counts for one task only, tasks take turns and batches are larger, so that each task has its
    share of every batch.

    Args:
        dataset: Config of the data set.
        pipeline: Transforms to use in place of the data set's own; None keeps them.
        num_workers: Processes that load.
    """

    def __init__(
        self, dataset: Mapping[str, Any], pipeline: Sequence[Mapping[str, Any]] | None = None, num_workers: int = 0
    ) -> None:
        self._config = copy.deepcopy(dict(dataset))
        if pipeline is not None:
            self._config["pipeline"] = copy.deepcopy(list(pipeline))
        self._num_workers = num_workers

    @classmethod
    def from_config(cls, cfg: Mapping[str, Any], split: str = "train") -> Frames:
        """Images of a runner config's split, loaded with the test (else validation) pipeline.

        Raises:
            ValueError: If the config has no such data loader.
        """
        loader = cfg.get(f"{split}_dataloader")
        if not loader:
            raise ValueError(f"the config has no {split}_dataloader, whose images are needed here")
        plain = cfg.get("test_dataloader") or cfg.get("val_dataloader") or loader
        return cls(loader["dataset"], plain["dataset"].get("pipeline"), loader.get("num_workers", 0))

    def batches(self, model: ControllableNet, images: int | None = None, batch_size: int = 32) -> list[Batch]:
        """Loads images and preprocesses them for a model.

        Images of another size than the model's ``image_size`` are resized to it, and so are labels that differ in
        size among each other (nearest): path tables and affinities compare images pixel by pixel.

        Args:
            model: Its data preprocessor and ``image_size`` are used.
            images: How many; None or more than there are means all.
            batch_size: Most images in a batch, of every task where an image counts for one task only; all batches are
                about equally large, so that none is too small for batch statistics.

        Returns:
            The batches, on the model's device.
        """
        dataset = DATASETS.build(copy.deepcopy(self._config))
        image_tasks = image_tasks_of(dataset)
        if image_tasks is not None:
            dataset = Subset(dataset, spread_over_tasks(image_tasks, images or len(dataset)))
            batch_size *= len(np.unique(image_tasks))
        elif images is not None and images < len(dataset):
            chosen = np.linspace(0, len(dataset) - 1, images).round().astype(int).tolist()
            dataset = Subset(dataset, chosen)
        even = math.ceil(len(dataset) / math.ceil(len(dataset) / batch_size))
        loader = DataLoader(
            dataset, batch_size=even, collate_fn=pseudo_collate, num_workers=self._num_workers, shuffle=False
        )
        with torch.no_grad():
            # As in training: labels are padded along with the images.
            loaded = _uniform(list(loader), model.image_size)
            processed = [model.data_preprocessor(data, True) for data in loaded]
        return [Batch(data["inputs"], data["data_samples"]) for data in processed]


def joined(batches: Sequence[Batch]) -> Batch:
    """All images in one batch."""
    return Batch(
        torch.cat([batch.inputs for batch in batches]), [sample for batch in batches for sample in batch.data_samples]
    )


def _uniform(loaded: list[dict[str, Any]], size: Sequence[int]) -> list[dict[str, Any]]:
    """Batches whose images, and whose labels, can be stacked."""
    labels_vary = len({_label_sizes(sample) for data in loaded for sample in data["data_samples"]}) > 1
    if not labels_vary and all(tuple(image.shape[-2:]) == tuple(size) for data in loaded for image in data["inputs"]):
        return loaded
    return [
        {
            **data,
            "inputs": [resize_image(image, size) for image in data["inputs"]],
            "data_samples": [pick_labels(sample, dict.fromkeys(sample.keys(), size)) for sample in samples],
        }
        for data, samples in ((data, data["data_samples"]) for data in loaded)
    ]


def _label_sizes(sample: MultiTaskDataSample) -> tuple[tuple[int, ...], ...]:
    fields = [field for task in sorted(sample.keys()) for field in sample.get(task).values()]
    return tuple(tuple(field.data.shape[-2:]) for field in fields)


def resize_image(image: Tensor, size: Sequence[int]) -> Tensor:
    """(3, H, W) bytes or numbers at another size, bilinear with smoothing."""
    wanted = (int(size[0]), int(size[1]))
    if tuple(image.shape[-2:]) == wanted:
        return image
    return functional.interpolate(image[None].float(), wanted, mode="bilinear", antialias=True)[0].to(image.dtype)
