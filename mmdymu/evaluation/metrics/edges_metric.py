"""Metric of edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch

from mmdymu.progress import Progress
from mmdymu.registry import METRICS

from ..functional import EdgeProtocol, Sums, count_edges, edge_arrays, edge_scores
from ..functional.edge_protocol import EdgeReader
from .ordered_pool import OrderedPool
from .streaming_metric import StreamingMetric

__all__ = ["EdgesMetric"]


@METRICS.register_module()
class EdgesMetric(StreamingMetric):
    """Optimal-dataset F (odsF), optimal-image F (oisF) and AP of edges.

    Reads ``seg_logits``, (1, H, W) probabilities in [0, 1] as the edges head predicts them, and ``gt_sem_seg``.
    Results: :func:`~mmdymu.evaluation.functional.edge_scores`.

    The benchmarks score at the images' own size, against labels at that size, and widen ``max_distance`` for NYU-v2:

    * PASCAL-Context: the default; the labels of this package's configs are thin edge maps. The benchmark takes the
      boundaries of the 459-class maps instead, which are somewhat more pixels beside the same borders.
    * NYUD: ``max_distance=0.011, label="regions"``: the benchmark takes the boundaries of its edge maps, too.

    An image takes from 0.2 s (256x336) to 0.6 s (425x560), see benchmarks/edges.md; with workers, that passes while the
    next ones are predicted. Fewer ``thresholds`` make it cheap enough for sweeps, with other scores than a benchmark's.

    Args:
        task: Name of the task; also the prefix of the results.
        reader: See :class:`~mmdymu.evaluation.functional.EdgeProtocol`, as for the next four and ``thresholds``.
        max_distance: Largest distance of a match, as a share of the image's diagonal.
        label: ``'edges'`` or ``'regions'``.
        quantize: Whether probabilities are rounded to 256 steps.
        ignore_index: Label of pixels that do not count.
        num_workers: Processes beside this one; 0 works in this one. The results are the same for any number.
        thresholds: None takes the reader's own, 101 or 99.
        collect_device: See mmengine's BaseMetric.
        collect_dir: See mmengine's BaseMetric.
    """

    def __init__(
        self,
        task: str = "edges",
        reader: EdgeReader = "seism",
        max_distance: float = 0.0075,
        label: Literal["edges", "regions"] = "edges",
        quantize: bool = True,
        ignore_index: int = 255,
        num_workers: int = 0,
        thresholds: Sequence[float] | None = None,
        collect_device: str = "cpu",
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(task, collect_device, collect_dir)
        self.protocol = EdgeProtocol(reader, max_distance, label, quantize, ignore_index, tuple(thresholds or ()))
        self._pool = OrderedPool(num_workers)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Starts to count a batch; the counts of earlier images come in meanwhile.

        Args:
            data_batch: Not used.
            data_samples: Predictions and labels, per image a dict (or data sample) by task.
        """
        for sample in data_samples:
            arrays = self._arrays(self.task_sample(sample))
            for counts in self._pool.submit(count_edges, *arrays, self.protocol):
                self.add_image(_as_sums(counts))

    def evaluate(self, size: int) -> dict[str, float]:
        """Results over the images of all processes, after the last ones are counted.

        Args:
            size: Number of images in the data set.

        Returns:
            The results, prefixed with the task. All processes get them.
        """
        progress = Progress(f"Matching the last images of task {self.task!r}", len(self._pool))
        for counts in self._pool.drain():
            self.add_image(_as_sums(counts))
            progress.update()
        return super().evaluate(size)

    def sample_sums(self, sample: Mapping[str, Any]) -> Sums:
        """See :func:`~mmdymu.evaluation.functional.edge_counts`."""
        return _as_sums(count_edges(*self._arrays(sample), self.protocol))

    def labelled_pixels(self, sums: Sums) -> float:
        """Number of labelled pixels, edges or not."""
        return sums["pixels"].item()

    def summarize(self, sums: Sums) -> dict[str, float]:
        """See :func:`~mmdymu.evaluation.functional.edge_scores`."""
        return edge_scores(sums, self.protocol.thresholds)

    def _arrays(self, sample: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        pred, target = self.pair_of(sample, "seg_logits", "gt_sem_seg")
        try:
            return edge_arrays(pred, target, self.protocol)
        except ValueError as error:
            raise ValueError(f"Task {self.task!r}, {sample.get('img_path')}: {error}") from error


def _as_sums(counts: Mapping[str, np.ndarray]) -> Sums:
    return {name: torch.from_numpy(value) for name, value in counts.items()}
