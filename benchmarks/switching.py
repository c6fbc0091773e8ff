"""Switches the preference while threads predict: is every output one known network's, and does memory grow?

Usage: python benchmarks/switching.py CONFIG CHECKPOINT [--switches 1000] [--threads 4]

Every output is compared byte for byte with that of the same network alone. Memory is the process's resident set, the
median of each tenth of the run.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import itertools
import statistics
import sys
import threading
import time
from collections import Counter
from typing import Any

import numpy as np
import torch
from mmengine.logging import MMLogger

from mmdymu import Preference
from mmdymu.apis import MultiTaskInferencer, init_model

CONTRACT_MB = 20.0
PREFERENCES = 8


def resident_mb() -> float:
    """Memory that the process holds, MB (Linux)."""
    with open("/proc/self/status", encoding="utf-8") as file:
        line = next(line for line in file if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def digest(prediction: dict[str, Any]) -> str:
    """One number for all maps of an image."""
    content = hashlib.sha256()
    for found in prediction["tasks"].values():
        content.update(np.ascontiguousarray(found.get("map", found.get("scores"))).tobytes())
    return content.hexdigest()


def known_outputs(
    inferencer: MultiTaskInferencer, preferences: list[Preference], images: list[np.ndarray]
) -> dict[Preference, list[str]]:
    """What every network gives, alone."""
    known = {}
    for preference in preferences:
        inferencer.set_preference(preference)
        known[preference] = [digest(prediction) for prediction in inferencer(images)["predictions"]]
    return known


def main() -> int:
    """Measures, and returns 1 where an output is wrong or memory grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("checkpoint")
    parser.add_argument("--switches", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=4)
    args = parser.parse_args()
    torch.set_num_threads(1)
    MMLogger.get_instance("mmdymu", log_level="ERROR")
    model = init_model(args.config, args.checkpoint)
    inferencer = MultiTaskInferencer(model, show_progress=False)
    rng = np.random.default_rng(0)
    preferences = [Preference.sample(model.tasks, rng) for _ in range(PREFERENCES)]
    images = [rng.integers(0, 256, (*model.image_size, 3), np.uint8) for _ in range(2)]
    known = known_outputs(inferencer, preferences, images)
    trees = {inferencer.set_preference(preference) for preference in preferences}
    outputs = len({tuple(found) for found in known.values()})
    print(f"{PREFERENCES} preferences, {len(trees)} trees, {outputs} different outputs")
    finished, done, wrong, failed = threading.Event(), Counter[Preference](), Counter[Preference](), []

    def predict() -> None:
        try:
            while not finished.is_set():
                results = inferencer(images)
                preference = results["selection"].preference
                done[preference] += 1
                wrong[preference] += known[preference] != [digest(found) for found in results["predictions"]]
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=predict) for _ in range(args.threads)]
    memory, start = [], time.perf_counter()
    for thread in threads:
        thread.start()
    for switch, preference in zip(range(args.switches), itertools.cycle(preferences), strict=False):
        calls = done.total()
        inferencer.set_preference(preference)
        # A switch a finished call, roughly: else a thousand of them would be through before many images.
        while done.total() == calls and not failed:
            time.sleep(0.001)
        if switch % 10 == 0:
            gc.collect()
            memory.append(resident_mb())
    finished.set()
    for thread in threads:
        thread.join()
    tenth = max(len(memory) // 10, 1)
    course = [statistics.median(memory[i : i + tenth]) for i in range(0, len(memory), tenth)]
    seconds = time.perf_counter() - start
    print(f"{args.switches} switches, {args.threads} threads, {done.total()} calls of 2 images, {seconds:.0f} s")
    print(f"wrong outputs: {wrong.total()}; errors: {len(failed)} {failed[:1]}")
    print(f"resident MB: {', '.join(f'{value:.1f}' for value in course)}")
    # The first tenth fills the allocator's and the interpreter's caches.
    growth = course[-1] - course[min(1, len(course) - 1)]
    print(f"growth after the first tenth: {growth:.1f} MB (contract: below {CONTRACT_MB:.0f})")
    return int(bool(wrong.total() or failed or growth > CONTRACT_MB))


if __name__ == "__main__":
    sys.exit(main())
