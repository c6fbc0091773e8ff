"""The loss of every path through the anchor.

With frozen streams and fixed norm statistics a task's loss depends on its own path only, so N·N^L numbers say all there
is to know about every tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.structures import PixelData
from mmpretrain.structures import MultiTaskDataSample
from torch import Tensor

from mmdymu.models import ControllableNet
from mmdymu.models.heads.resizing import pick
from mmdymu.progress import Progress

from .fused import fused_copy


@torch.no_grad()
def build_path_table(
    model: ControllableNet,
    inputs: Tensor,
    data_samples: Sequence[MultiTaskDataSample],
    *,
    progress: bool = True,
) -> Tensor:
    """Runs every path once, sharing prefixes.

    The losses are measured at the heads' own resolution, on labels that are picked, not averaged, from the full maps.

    Args:
        model: Its norms use their running statistics.
        inputs: (B, 3, H, W) images, normalised.
        data_samples: Their labels.
        progress: Whether to show a progress bar with the time left.

    Returns:
        (N, N, …, N) with L+1 axes: [j, i_0, …, i_{L-1}] is the loss of task j if its path goes through the nodes
        (0, i_0) … (L-1, i_{L-1}).
    """
    count, layers = model.num_tasks, model.num_layers
    model = fused_copy(model)
    small = shrink_labels(model, inputs, data_samples)
    table = inputs.new_empty((count,) * (layers + 1))
    bar = Progress("path table", count**layers) if progress else None

    def visit(x: Tensor, path: tuple[int, ...], features: tuple[Tensor, ...]) -> None:
        layer = len(path)
        if layer == layers:
            losses, _ = model.task_losses(model.run_heads([features] * count), small)
            for task, loss in enumerate(losses):
                table[(task, *path)] = loss
            if bar:
                bar.update()
            return
        for i in range(count):
            y = model.backbone.run_node((layer, i), x)
            seen = (*features, y) if layer in model.backbone.out_layers else features
            visit(y, (*path, i), seen)

    visit(inputs, (), ())
    return table


@torch.no_grad()
def shrink_labels(
    model: ControllableNet, inputs: Tensor, data_samples: Sequence[MultiTaskDataSample]
) -> list[MultiTaskDataSample]:
    """Labels at the size of the heads' outputs, each pixel picked from the middle of its cell.

    Args:
        model: Tells the sizes.
        inputs: (B, 3, H, W) images, normalised.
        data_samples: Labels of any size.

    Returns:
        New samples; the old ones stay as they are.
    """
    outputs = model.run_tree(inputs[:1], model.anchor_tree)
    sizes = {task: output.shape[-2:] for task, output in outputs.items()}
    return [pick_labels(sample, sizes) for sample in data_samples]


def pick_labels(sample: MultiTaskDataSample, sizes: Mapping[str, Sequence[int]]) -> MultiTaskDataSample:
    """A new sample whose label maps have the (height, width) given for each task; see :func:`pick`."""
    copied = sample.clone()
    for task, size in sizes.items():
        if task not in copied:
            continue
        # A clone shares its fields with the original.
        single = copied.get(task).clone()
        for name, field in single.items():
            if isinstance(field, PixelData):
                single.set_data({name: PixelData(data=pick(field.data, size))})
        copied.set_field(single, task)
    return copied
