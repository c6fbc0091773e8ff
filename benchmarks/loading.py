"""How fast PASCAL-Context samples are loaded and augmented: 375x500, five tasks, crops of 512x512.

Usage: OMP_NUM_THREADS=1 python benchmarks/loading.py [--frames 64] [--workers 2]

Frames are rendered scenes, stored in the layout and the formats of the PASCAL_MT release.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from scipy.io import savemat
from torch.utils.data import DataLoader

from mmdymu.datasets import MultiTaskDataset
from mmdymu.datasets.scenes import render_scene
from mmdymu.registry import DATASETS

CONFIG = Path(__file__).parents[1] / "configs" / "_base_" / "datasets" / "pascal_context_bmtas.py"
SIZE = (375, 500)
PARTS = ("head", "torso", "luarm", "llarm", "luleg", "llleg")
ROUNDS, CONTRACT = 4, 40


def write_release(root: Path, frames: int) -> None:
    """Writes frames as the release has them."""
    folders = ("JPEGImages", "semseg/VOC12", "human_parts", "sal_distill", "normals_distill", "pascal-context/trainval")
    for folder in (*folders, "ImageSets/Context"):
        (root / folder).mkdir(parents=True)
    names = [f"2008_{index:06d}" for index in range(frames)]
    (root / "ImageSets/Context/train.txt").write_text("\n".join(names))
    for index, name in enumerate(names):
        scene = render_scene(0, index, *SIZE)
        cv2.imwrite(str(root / "JPEGImages" / f"{name}.jpg"), scene["img"])
        cv2.imwrite(str(root / "semseg/VOC12" / f"{name}.png"), scene["semseg"])
        cv2.imwrite(str(root / "sal_distill" / f"{name}.png"), 255 * scene["saliency"])
        normals = np.round((scene["normals"][..., ::-1] + 1) * 127.5).astype(np.uint8)
        cv2.imwrite(str(root / "normals_distill" / f"{name}.png"), normals)
        # Ids that lie among those whose normals count.
        savemat(root / "pascal-context/trainval" / f"{name}.mat", {"LabelMap": scene["semseg"].astype(np.uint16) + 3})
        savemat(root / "human_parts" / f"{name}.mat", {"anno": {"imname": name, "objects": person(scene["parts"])}})


def person(parts: np.ndarray) -> np.ndarray:
    """One person whose parts are those of the scene's solids."""
    records = np.zeros((1, len(PARTS)), [("part_name", object), ("mask", object)])
    for index, name in enumerate(PARTS):
        records[0, index] = (name, (parts == index + 1).astype(np.uint8))
    fields = [("class", object), ("class_ind", object), ("mask", object), ("parts", object)]
    objects = np.zeros((1, 1), fields)
    objects[0, 0] = ("person", 15, (parts > 0).astype(np.uint8), records)
    return objects


def build(root: Path) -> MultiTaskDataset:
    """The shipped data set and pipeline."""
    os.environ["MMDYMU_DATA_ROOT"] = str(root)
    os.environ["MMDYMU_CACHE"] = str(root / "cache")
    init_default_scope("mmdymu")
    return DATASETS.build(Config.fromfile(CONFIG).train_dataloader.dataset)


def through_loader(dataset: MultiTaskDataset, workers: int) -> float:
    """Samples a second through a loader, without the start of its workers."""
    loader = DataLoader(
        dataset, batch_size=16, num_workers=workers, collate_fn=pseudo_collate, persistent_workers=True, drop_last=True
    )
    samples = sum(len(batch["inputs"]) for batch in loader)
    start = time.perf_counter()
    for _ in range(ROUNDS):
        for _batch in loader:
            pass
    return ROUNDS * samples / (time.perf_counter() - start)


def by_step(dataset: MultiTaskDataset) -> dict[str, float]:
    """Milliseconds a sample spends in each transform, in one process."""
    seconds = {type(step).__name__: 0.0 for step in dataset.pipeline.transforms}
    for index in range(len(dataset)):
        results = dataset.get_data_info(index)
        for step in dataset.pipeline.transforms:
            start = time.perf_counter()
            results = step(results)
            seconds[type(step).__name__] += time.perf_counter() - start
    return {name: 1e3 * value / len(dataset) for name, value in seconds.items()}


def main() -> None:
    """Prints samples a second and the share of each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    cv2.setNumThreads(0)
    MMLogger.get_instance("mmdymu", log_level="WARNING")
    with tempfile.TemporaryDirectory() as folder:
        write_release(Path(folder) / "PASCAL_MT", args.frames)
        start = time.perf_counter()
        dataset = build(Path(folder))
        print(f"\n{args.frames} frames of {SIZE[0]}x{SIZE[1]}, five tasks, crops of 512x512")
        first = args.frames / (time.perf_counter() - start)
        print(f"first use, which decodes parts, masks and edges: {first:.0f} frames a second")
        rate = through_loader(dataset, args.workers)
        steps = by_step(dataset)
    met = "met" if rate >= CONTRACT else "NOT met"
    print(f"{rate:.0f} samples a second with {args.workers} workers; contract {CONTRACT}, {met}")
    for name, milliseconds in steps.items():
        print(f"{name:28} {milliseconds:6.2f} ms  {milliseconds / sum(steps.values()):5.1%}")


if __name__ == "__main__":
    main()
