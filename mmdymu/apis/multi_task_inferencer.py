"""Predictions of all tasks for files, arrays, folders and videos, at a preference that may change between calls."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.infer import BaseInferencer
from mmengine.logging import print_log
from mmpretrain.structures import MultiTaskDataSample

from mmdymu.models import ControllableClassifier, ControllableNet
from mmdymu.models.segmentors import Selection
from mmdymu.preference import Preference
from mmdymu.progress import Progress
from mmdymu.registry import INFERENCERS
from mmdymu.search.selecting import ask
from mmdymu.task_meta import task_meta
from mmdymu.tree import BranchingTree
from mmdymu.visualization import MultiTaskVisualizer

from .checkpoints import stored_config
from .inference import init_model
from .pipeline import Frame, InferencePipeline
from .predictions import as_arrays
from .result_writer import ResultOptions, ResultWriter
from .running import calibrated_states, calibration_batches, preprocess, run, telling_progress, uniform_batches
from .sources import Source, list_sources

__all__ = ["MultiTaskInferencer"]


@INFERENCERS.register_module()
class MultiTaskInferencer(BaseInferencer):
    """Predicts images with the network of a preference; follows mmengine's conventions.

    **Threads.** One inferencer serves any number of threads. Every call runs all its images through the network that
    was selected when the call began, tree and norms, whatever :meth:`set_preference` or :meth:`calibrate` select
    meanwhile; nothing is set on modules while they run. A call's results do not depend on other calls. What changes
    the model itself is not covered: loading weights, moving, casting, ``model.train``, ``model.set_norm_statistics``,
    and :func:`mmdymu.deploy.fix`, which traces it.

    Args:
        model: Config file, config, or a model of :func:`init_model`; None takes the config out of the checkpoint.
        weights: Checkpoint.
        device: Default: a GPU if there is one; of a model that is given, its own.
        scope: As in mmengine; not needed.
        show_progress: Log how far a call is and how long it will still take, every ten seconds.

    Raises:
        FileNotFoundError: If config or checkpoint does not exist.
        TypeError: If ``model`` is none of these, or is not controllable.
        ValueError: If the checkpoint belongs to another model, there is neither model nor checkpoint, or weights are
            given beside a model.
    """

    preprocess_kwargs: set = set()  # noqa: RUF012  (mmengine's metaclass wants sets)
    forward_kwargs: set = {"selection"}  # noqa: RUF012
    visualize_kwargs: set = {"show", "wait_time", "return_vis"}  # noqa: RUF012
    postprocess_kwargs: set = {"out_dir", "map_format", "overwrite", "return_maps", "overlays", "save_video"}  # noqa: RUF012

    def __init__(
        self,
        model: str | Path | Config | ConfigDict | dict | ControllableNet | None = None,
        weights: str | Path | None = None,
        device: str | torch.device | None = None,
        scope: str | None = None,
        show_progress: bool = True,
    ) -> None:
        self._given = model if isinstance(model, ControllableNet) else None
        self._lock = threading.Lock()
        if self._given is not None:
            if weights is not None:
                raise ValueError("weights are given beside a model: load them with init_model")
            device = device or next(self._given.parameters()).device
            model = self._given.cfg or Config()
        elif isinstance(model, str | Path) and not Path(model).is_file():
            raise FileNotFoundError(f"config {str(model)!r} does not exist")
        elif model is None and weights is not None:
            model = stored_config(weights)
        model = str(model) if isinstance(model, Path) else model
        super().__init__(model, weights, device, scope, show_progress)
        self._select_first()

    def _select_first(self) -> None:
        """The uniform preference, where nothing is selected yet and preferences mean something."""
        cfg = self.model.cfg or {}
        set_there = [
            name for name in ("pref", "cost_weight", "budget", "norm_statistics", "run_anchor") if cfg.get(name)
        ]
        if set_there:
            text = f"{set_there} of the config are for tests: here set_preference and calibrate say what runs"
            print_log(text, "current", logging.WARNING)
        if self.model.selection is None and self.model.is_controllable:
            self.model.set_preference(Preference.uniform(self.model.tasks))

    def set_preference(
        self, preference: Any, cost_weight: float = 0.0, budget: Any = None, profile: Any = None
    ) -> BranchingTree:
        """Selects the network of all calls that begin from now on; may be called at any time, in any thread.

        Calibrated norm statistics belong to one selected network, so they are gone; see :meth:`calibrate`.

        Args:
            preference: Whatever :meth:`mmdymu.Preference.parse` takes.
            cost_weight: How much saving compute matters, in [0, 1].
            budget: A hard limit in place of a cost weight: ``dict(flops=1e8)``, ``params`` or ``latency_ms``.
            profile: Times of the nodes, or the file that holds them; for a budget of latency.

        Returns:
            The tree that runs from now on.

        Raises:
            ValueError: If preference or budget are wrong, the budget is too small, or the model's edge hypernet is not
                trained.
        """
        with self._lock:
            asked, found = ask(self.model, preference, cost_weight, budget, profile)
            if found is None:
                return self.model.set_preference(asked)
            return self.model.set_preference(asked, found.tree, found.about())

    def calibrate(self, inputs: Any, batch_size: int = 32) -> None:
        """Measures the norm statistics of the selected network on images, for all calls that begin from now on.

        Statistics of the single-task networks do not quite fit a tree; those of some hundred training images do.

        Args:
            inputs: Two images or more, like those that are predicted; brought to the model's ``image_size``, and all
                held in memory.
            batch_size: Most images in a batch; all are about equally large and count the same.

        Raises:
            RuntimeError: If nothing is selected.
            ValueError: If there is one image only.
        """
        with self._lock:
            selection = self.model.selection
            if selection is None:
                raise RuntimeError("nothing is selected whose norms could be calibrated: call set_preference first")
            frames = [self.pipeline(image, name) for source in list_sources(inputs) for name, image in source]
            batches = calibration_batches(self.model, frames, batch_size)
            self.model.attach_states(calibrated_states(self.model, selection, batches))

    def report(self) -> dict[str, Any]:
        """What the selected network is and costs, see :meth:`ControllableNet.report`."""
        with self._lock:
            return self.model.report()

    def __call__(
        self, inputs: Any, return_datasamples: bool = False, batch_size: int = 1, **kwargs: Any
    ) -> dict[str, Any]:
        """Predicts images, batch after batch; nothing is kept that is not asked for.

        Args:
            inputs: A file, a folder, a video, an array (H, W, 3) uint8, BGR, or a list of these; see
                :func:`~mmdymu.apis.sources.list_sources`.
            return_datasamples: Return the model's samples in place of arrays.
            batch_size: Most images that run at once; only neighbours of one size do, so that no prediction depends on
                its neighbours.
            **kwargs: ``show`` (open a window for each picture), ``wait_time`` (seconds that it stays, 0: until a key is
                pressed), ``return_vis`` (return the pictures); ``out_dir`` (write files there: ``maps/TASK/NAME.png``,
                see :func:`~mmdymu.apis.predictions.as_file`, and ``overlays/NAME.png``), ``map_format`` (``png``, or
                ``npy`` for exact numbers), ``overwrite`` (replace files), ``overlays`` (write pictures; default:
                True), ``save_video`` (write ``videos/NAME.mp4`` with the pictures of a video's frames),
                ``return_maps`` (False: return names and files only, as long videos want it), ``selection`` (another
                network than the selected one).

        Returns:
            ``predictions``, for each image a dict of its ``name``, its ``tasks`` (for each task
            :func:`~mmdymu.apis.predictions.as_arrays`) and the ``files`` that were written (``maps/TASK``,
            ``overlay``); ``visualization``, the
            pictures (H, W, 3) uint8, RGB; ``selection``, the network that ran, None for the single-task networks.

        Raises:
            FileNotFoundError: If an input does not exist.
            TypeError: If an input is neither path nor array, or an array is not uint8.
            ValueError: If an option is unknown, an input cannot be read, or a file would be overwritten.
        """
        _, forward_kwargs, visualize_kwargs, postprocess_kwargs = self._dispatch_kwargs(**kwargs)
        selection: Selection | None = forward_kwargs.get("selection", self.model.selection)
        sources = self._inputs_to_list(inputs)
        results: dict[str, Any] = {"predictions": [], "visualization": [], "selection": selection}
        counted = [1 if source.frames is None else source.frames for source in sources]
        several = all(counted) and sum(counted) > 1
        progress = Progress("inference", sum(counted)) if self.show_progress and several else None
        kept = ResultOptions(**postprocess_kwargs)
        if isinstance(self.model, ControllableClassifier):
            # A picture of classes would be the image alone.
            kept = replace(kept, overlays=False)
        with contextlib.closing(ResultWriter(kept, sources, self.model.tasks)) as writer:
            draws = writer.draws or any(visualize_kwargs.get(key) for key in ("show", "return_vis"))
            for batch in telling_progress(self.preprocess(sources, batch_size), kept.out_dir is not None):
                samples = self.forward(batch, selection=selection)
                pictures = self.visualize(batch, samples, **visualize_kwargs) if draws else []
                done = self.postprocess(samples, pictures, return_datasamples, writer=writer)
                results["predictions"].extend(done["predictions"])
                if visualize_kwargs.get("return_vis"):
                    results["visualization"].extend(pictures)
                if progress is not None:
                    progress.update(len(batch))
            writer.finish()
        return results

    def preprocess(self, inputs: Sequence[Source], batch_size: int = 1, **kwargs: Any) -> Iterator[list[Frame]]:
        """Reads and prepares images, as they are needed."""
        frames = (self._frame(name, image) for source in inputs for name, image in source)
        return uniform_batches(frames, batch_size)

    def _frame(self, name: str, image: Any) -> Frame:
        frame = self.pipeline(image, name)
        frame.sample.set_metainfo({"name": name})
        return frame

    def forward(
        self, inputs: Sequence[Frame], selection: Selection | None = None, **kwargs: Any
    ) -> list[MultiTaskDataSample]:
        """Predictions of one batch by a selected network; None: the single-task networks."""
        return run(self.model, preprocess(self.model, inputs), selection)

    def visualize(
        self,
        inputs: Sequence[Frame],
        preds: Sequence[MultiTaskDataSample],
        show: bool = False,
        wait_time: float = 0.0,
        return_vis: bool = False,
    ) -> list[np.ndarray]:
        """One picture an image: the image and all its predictions, RGB."""
        pictures = []
        for frame, sample in zip(inputs, preds, strict=True):
            picture = self.visualizer.draw(np.ascontiguousarray(frame.image[..., ::-1]), sample, draw_gt=False)
            if show:
                self.visualizer.show(picture, win_name=sample.metainfo["name"], wait_time=wait_time)
            pictures.append(picture)
        return pictures

    def postprocess(
        self,
        preds: Sequence[MultiTaskDataSample],
        visualization: Sequence[np.ndarray],
        return_datasample: bool = False,
        writer: ResultWriter | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Turns samples into arrays and writes them."""
        predictions: list[Any] = []
        for number, sample in enumerate(preds):
            name = sample.metainfo["name"]
            wanted = writer is None or writer.options.return_maps
            arrays = {} if not wanted and (writer is None or writer.folder is None) else self._arrays(sample)
            files = writer.write(name, arrays, visualization[number] if visualization else None) if writer else {}
            if return_datasample:
                predictions.append(sample)
            else:
                predictions.append({"name": name, "tasks": arrays if wanted else {}, "files": files})
        return {"predictions": predictions, "visualization": list(visualization)}

    def _arrays(self, sample: MultiTaskDataSample) -> dict[str, dict[str, Any]]:
        meta = self.model.dataset_meta
        return {task: as_arrays(sample.get(task), task_meta(meta, task, "classes")) for task in self.model.tasks}

    def _inputs_to_list(self, inputs: Any) -> list[Source]:
        return list_sources(inputs)

    def _init_model(self, cfg: Any, weights: str | None, device: str | torch.device = "cpu") -> ControllableNet:
        if self._given is not None:
            return self._given.to(device).eval()
        return init_model(cfg if isinstance(cfg, Config) else Config(cfg), weights, device)

    def _init_pipeline(self, cfg: Any) -> InferencePipeline:
        return InferencePipeline.of_model(self.model)

    def _init_collate(self, cfg: Any) -> Callable:
        # Batches stay lists of frames: the data preprocessor stacks them.
        return list

    def _init_visualizer(self, cfg: Any) -> MultiTaskVisualizer:
        visualizer = MultiTaskVisualizer(f"inferencer_{id(self)}")
        meta: Mapping[str, Any] = self.model.dataset_meta
        visualizer.dataset_meta = {
            **meta,
            "tasks": {task: {} for task in self.model.tasks} | dict(meta.get("tasks", {})),
        }
        return visualizer
