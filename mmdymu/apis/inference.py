"""A model from a config and a checkpoint, and its predictions for images."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import DefaultScope
from mmpretrain.structures import MultiTaskDataSample

from mmdymu.models import ControllableNet
from mmdymu.registry import DATASETS, MODELS, SCOPE
from mmdymu.search import NodeProfile
from mmdymu.search.selecting import select

from .checkpoints import load_weights
from .pipeline import InferencePipeline
from .running import preprocess, run, uniform_batches

__all__ = ["inference", "init_model"]


def init_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | torch.device = "cpu",
    cfg_options: Mapping[str, Any] | None = None,
) -> ControllableNet:
    """Builds a config's model, ready to predict.

    Args:
        config: Config file or config; is not changed.
        checkpoint: File or address of weights; None leaves them as they are built, which is good for trying only.
        device: Where the model goes.
        cfg_options: Settings of the config to replace, by dotted name.

    Returns:
        The model in evaluation mode, no preference set, with ``cfg``, the config, and ``dataset_meta``, what the
        checkpoint, or else the config's data set, says about the tasks: kinds, classes, colours.

    Raises:
        FileNotFoundError: If the config or the checkpoint does not exist.
        TypeError: If ``config`` is no config, or its model no controllable one.
        ValueError: If the config has no model, or the checkpoint belongs to another one.
    """
    cfg = read_config(config, cfg_options)
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope") or SCOPE):
        model = MODELS.build(copy.deepcopy(cfg.model))
    if not isinstance(model, ControllableNet):
        raise TypeError(f"model.type={cfg.model.get('type')!r} is no controllable model, such as ControllableSegmentor")
    meta: Mapping[str, Any] = {}
    if checkpoint is None:
        print_log("init_model: no checkpoint is given, the weights are random", "current", logging.WARNING)
    else:
        meta = load_weights(model, checkpoint)
    model.cfg = cfg
    model.dataset_meta = meta.get("dataset_meta") or _described(cfg)
    return model.to(device).eval()


def inference(
    model: ControllableNet,
    images: str | Path | np.ndarray | Sequence[str | Path | np.ndarray],
    preference: Any = None,
    cost_weight: float = 0.0,
    *,
    budget: Any = None,
    profile: NodeProfile | str | Path | None = None,
    batch_size: int = 1,
) -> MultiTaskDataSample | list[MultiTaskDataSample]:
    """Predictions of all tasks for images; the counterpart of mmseg's ``inference_model``.

    Args:
        model: From :func:`init_model`, or any whose ``cfg`` has a test pipeline.
        images: A file, an array (H, W, 3) uint8, BGR, or a list of these.
        preference: Whatever :meth:`Preference.parse` takes, for these images alone: what the model has selected is
            not changed. None: what the model has selected, the anchor if nothing.
        cost_weight: How much saving compute matters, in [0, 1]; goes with ``preference``.
        budget: A hard limit in place of a cost weight, such as ``dict(flops=1e8)``; goes with ``preference``.
        profile: Times of the model's parts, or the file that ``tools/profile_nodes.py`` wrote; for a budget of latency.
        batch_size: Most images that run at once; only neighbours that the pipeline brings to one size do.

    Returns:
        One sample, or a list if a list was given; inside, one sample by task, its maps in the size of the image.

    Raises:
        FileNotFoundError: If a file does not exist.
        TypeError: If an image is neither path nor array, or an array is not uint8.
        ValueError: If a file is no image, an array has another shape, preference or budget are wrong, or given
            though the model's edge hypernet is not trained.
    """
    if preference is None and (budget is not None or cost_weight):
        raise ValueError("cost_weight and budget go with a preference: which tasks matter?")
    selection = model.selection if preference is None else select(model, preference, cost_weight, budget, profile)
    several = isinstance(images, list | tuple)
    listed: Sequence[Any] = images if isinstance(images, list | tuple) else [images]
    pipeline = InferencePipeline.of_model(model)
    frames = (pipeline(image) for image in listed)
    batches = (preprocess(model, batch) for batch in uniform_batches(frames, batch_size))
    samples = [sample for data in batches for sample in run(model, data, selection)]
    return samples if several else samples[0]


def read_config(config: str | Path | Config, cfg_options: Mapping[str, Any] | None = None) -> Config:
    """A copy of a config, with some settings replaced.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If it is neither path nor config.
        ValueError: If it has no model.
    """
    if isinstance(config, str | Path):
        if not Path(config).is_file():
            raise FileNotFoundError(f"config {str(config)!r} does not exist")
        cfg = Config.fromfile(config)
    elif isinstance(config, Config):
        cfg = copy.deepcopy(config)
    else:
        raise TypeError(f"config must be a path or a Config, got {type(config).__name__}")
    cfg.merge_from_dict(dict(cfg_options or {}))
    if not cfg.get("model"):
        raise ValueError(f"config {str(cfg.filename or '')!r} has no model")
    return cfg


def _described(cfg: Config) -> dict[str, Any]:
    """What the config's data set says about its tasks, without its files; {} if that needs them."""
    loader = cfg.get("test_dataloader") or cfg.get("val_dataloader") or {}
    dataset = copy.deepcopy(loader.get("dataset"))
    if not dataset:
        return {}
    dataset.update(pipeline=[], lazy_init=True)
    with DefaultScope.overwrite_default_scope(cfg.get("default_scope") or SCOPE):
        try:
            return dict(DATASETS.build(dataset).metainfo)
        except (FileNotFoundError, TypeError) as error:
            print_log(f"init_model: class names are not known, the data set cannot be asked ({error})", "current")
            return {}
