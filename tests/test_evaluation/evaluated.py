"""Images with random predictions and labels of all kinds of task."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample, MultiTaskDataSample
from mmseg.structures import SegDataSample

CLASSES = ("a", "b", "c")
SIZE = (5, 6)
CLASS_TASKS = ("fish", "trees", "people")
# What stands for "no label", per kind of label.
UNLABELLED = {"gt_sem_seg": 255, "gt_depth_map": 0, "gt_normals": 0}


def sample(seed: int, labelled: bool = True) -> MultiTaskDataSample:
    """Dense tasks ``semseg``, ``parts``, ``saliency``, ``depth``, ``normals``; some pixels have no label."""
    generator = torch.Generator().manual_seed(seed)
    outer = MultiTaskDataSample(metainfo={"img_path": f"{seed}.png"})
    for task, fields in _maps(generator).items():
        inner = SegDataSample(metainfo={"img_path": f"{seed}.png"})
        for name, data in fields.items():
            if name in UNLABELLED:
                data[:, 0 if labelled else slice(None)] = UNLABELLED[name]
            inner.set_data({name: PixelData(data=data)})
        outer.set_field(inner, task)
    return outer


def _maps(generator: torch.Generator) -> dict[str, dict[str, torch.Tensor]]:
    def uniform(channels: int) -> torch.Tensor:
        return torch.rand(channels, *SIZE, generator=generator)

    def classes(count: int) -> torch.Tensor:
        return torch.randint(0, count, (1, *SIZE), generator=generator)

    return {
        "semseg": {"pred_sem_seg": classes(3), "gt_sem_seg": classes(3)},
        "parts": {"pred_sem_seg": classes(3), "gt_sem_seg": classes(2)},
        "saliency": {"seg_logits": uniform(1), "gt_sem_seg": classes(2)},
        "depth": {"pred_depth_map": uniform(1) + 1, "gt_depth_map": uniform(1) + 1},
        "normals": {"pred_normals": uniform(3) - 0.5, "gt_normals": uniform(3) - 0.5},
    }


def with_classes(outer: MultiTaskDataSample, seed: int, tasks: Sequence[str] = CLASS_TASKS) -> MultiTaskDataSample:
    """Add one of several tasks with a class per image; the last task is never there."""
    inner = DataSample(metainfo={"img_path": f"{seed}.png"})
    inner.set_gt_label(seed % 5).set_pred_label(seed % 3).set_pred_score(torch.eye(5)[seed % 3])
    outer.set_field(inner, tasks[seed % (len(tasks) - 1)])
    return outer
