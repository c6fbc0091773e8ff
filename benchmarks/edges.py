"""How long edges take to score: by size, reader and step in processor time, and with worker processes.

Usage: OMP_NUM_THREADS=1 python benchmarks/edges.py [--images 24] [--workers 2]

Labels are borders of random regions, 3 % of the pixels as in NYU-v2; predictions are blurred, moved and noisy.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from mmengine.logging import MMLogger
from scipy.ndimage import gaussian_filter
from torch import Tensor

from mmdymu.evaluation import EdgesMetric
from mmdymu.evaluation.functional import EdgeProtocol, count_edges, edge_arrays, edges, label_boundaries, thin_edges

SIZES = {(256, 336): 0.0075, (425, 560): 0.011}
STEPS = {"suppress_non_maxima": "suppression", "thin_edges": "thinning", "EdgeMatcher": "near pairs"}


def image(seed: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """A prediction, (1, H, W) in [0, 1], and its label, (1, H, W) 0 or 1."""
    rng = np.random.default_rng(seed)
    coarse = size[0] / 256
    layers = gaussian_filter(rng.standard_normal((8, *size)).astype(np.float32), (0, 20 * coarse, 20 * coarse))
    label = thin_edges(label_boundaries(layers.argmax(axis=0)))
    prob = gaussian_filter(np.roll(label, (2, 1), (0, 1)).astype(np.float32), 2)
    noise = gaussian_filter(rng.standard_normal(size).astype(np.float32), 2)
    prob = (prob / prob.max() + 0.75 * noise).clip(0, 1)
    return torch.from_numpy(prob)[None], torch.from_numpy(label.astype(np.int64))[None]


@contextmanager
def timed_steps() -> Iterator[dict[str, float]]:
    """Processor seconds spent in the steps of :func:`count_edges` while the context is open."""
    seconds: dict[str, float] = defaultdict(float)

    def timed(function: Callable, name: str) -> Callable:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                seconds[name] += time.process_time() - start

        return wrapper

    matcher = edges.EdgeMatcher
    patches = [patch.object(edges, name, timed(getattr(edges, name), step)) for name, step in STEPS.items()]
    patches.append(patch.object(matcher, "match", timed(matcher.match, "matching")))
    for change in patches:
        change.start()
    try:
        yield seconds
    finally:
        for change in patches:
            change.stop()


def by_step(images: list[tuple[Tensor, Tensor]], protocol: EdgeProtocol) -> dict[str, float]:
    """Processor milliseconds an image in one process, in all and by step."""
    arrays = [edge_arrays(*pair, protocol) for pair in images]
    with timed_steps() as seconds:
        start = time.process_time()
        for pair in arrays:
            count_edges(*pair, protocol)
        total = time.process_time() - start
    seconds["rest"] = total - sum(seconds.values())
    return {"total": 1e3 * total / len(images)} | {step: 1e3 * s / len(images) for step, s in seconds.items()}


def through_metric(images: list[tuple[Tensor, Tensor]], max_distance: float, workers: int) -> float:
    """Seconds an image through the registered metric, with the start of its processes."""
    metric = EdgesMetric(max_distance=max_distance, num_workers=workers)
    start = time.perf_counter()
    for pred, target in images:
        metric.process({}, [{"edges": {"seg_logits": {"data": pred}, "gt_sem_seg": {"data": target}}}])
    metric.evaluate(len(images))
    return (time.perf_counter() - start) / len(images)


def main() -> None:
    """Prints the two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    MMLogger.get_instance("mmdymu", log_level="WARNING")
    for size, max_distance in SIZES.items():
        images = [image(seed, size) for seed in range(args.images)]
        pixels = np.mean([target.sum() for _, target in images])
        print(f"\n{args.images} images of {size[0]}x{size[1]}, {pixels:.0f} labelled edge pixels, {max_distance=}")
        for reader in ("seism", "survey"):
            steps = by_step(images, EdgeProtocol(reader, max_distance))
            print(f"{reader:8}" + "".join(f"{step} {ms:.0f} ms  " for step, ms in steps.items()))
        for workers in range(args.workers + 1):
            print(f"seism, {workers} workers: {through_metric(images, max_distance, workers):.2f} s an image")


if __name__ == "__main__":
    main()
