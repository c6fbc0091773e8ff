"""How fast procedural scenes are rendered, written and read.

Usage: python benchmarks/scenes.py [--images 600] [--workers 2]
"""

from __future__ import annotations

import argparse
import logging
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


def measure(images: int, workers: int, cache_dir: Path) -> dict[str, float]:
    """Images a second: rendered only, rendered and written by all workers, read by one process."""
    cv2.setNumThreads(0)
    render_scene(0, 0, 96, 128)  # builds the noise tile
    start = time.perf_counter()
    for index in range(images // 4):
        render_scene(0, index, 96, 128)
    rendered = time.perf_counter()
    cached_series(SceneSeries(images, 96, 128, seed=0), cache_dir, workers)
    written = time.perf_counter()
    dataset = ScenesDataset(images, (96, 128), seed=0, cache_dir=str(cache_dir), pipeline=PIPELINE)
    ready = time.perf_counter()
    for index in range(images):
        dataset[index]
    read = time.perf_counter()
    return {
        "rendered, one process, not written": images // 4 / (rendered - start),
        f"rendered and written, {workers} processes": images / (written - rendered),
        "read, flipped and packed, one process": images / (read - ready),
    }


def main() -> None:
    """Measure in a temporary folder and print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    logger = MMLogger.get_instance("scenes", log_level="ERROR")
    logger.setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        rates = measure(arguments.images, arguments.workers, Path(folder))
    print(f"| {arguments.images} scenes of 96x128 | images a second |\n|---|---|")
    for what, rate in rates.items():
        print(f"| {what} | {rate:.0f} |")


if __name__ == "__main__":
    main()
