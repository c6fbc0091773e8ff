"""How fast procedural scenes are rendered, written and read.

Usage: python benchmarks/scenes.py [--images 600] [--workers 2]
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from pathlib import Path

import cv2
from mmengine.logging import MMLogger

from mmdymu.datasets import ScenesDataset
from mmdymu.datasets.scenes import SceneSeries, cached_series, render_scene

PIPELINE = [
    {"type": "LoadImageFromFile"},
    {"type": "mmdymu.LoadMultiTaskAnnotations"},
    {"type": "mmdymu.MultiTaskRandomFlip"},
    {"type": "mmdymu.PackMultiTaskInputs"},
]


class Clock:
    """Wall and processor time, those of finished child processes included."""

    def __init__(self) -> None:
        self.wall, self.cpu = self._now()

    def lap(self, images: int) -> tuple[float, float]:
        """Images a second and processor milliseconds an image since the last lap."""
        wall, cpu = self._now()
        result = images / (wall - self.wall), 1000 * (cpu - self.cpu) / images
        self.wall, self.cpu = wall, cpu
        return result

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), sum(os.times()[:4])


def measure(images: int, workers: int, cache_dir: Path) -> dict[str, tuple[float, float]]:
    """Images a second and processor milliseconds an image, for rendering, writing and reading."""
    cv2.setNumThreads(0)
    render_scene(0, 0, 96, 128)  # builds the noise tile
    clock, rates = Clock(), {}
    for index in range(images // 4):
        render_scene(0, index, 96, 128)
    rates["rendered, one process, not written"] = clock.lap(images // 4)
    cached_series(SceneSeries(images, 96, 128, seed=0), cache_dir, workers)
    rates[f"rendered and written, {workers} processes"] = clock.lap(images)
    dataset = ScenesDataset(images, (96, 128), seed=0, cache_dir=str(cache_dir), pipeline=PIPELINE)
    for item in range(images):
        dataset[item]
    rates["read, flipped and packed, one process"] = clock.lap(images)
    return rates


def main() -> None:
    """Measure in a temporary folder and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    logger = MMLogger.get_instance("scenes", log_level="ERROR")
    logger.setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        rates = measure(arguments.images, arguments.workers, Path(folder))
    print(f"| {arguments.images} scenes of 96x128 | images a second | processor ms an image |\n|---|---|---|")
    for what, (rate, milliseconds) in rates.items():
        print(f"| {what} | {rate:.0f} | {milliseconds:.1f} |")


if __name__ == "__main__":
    main()
