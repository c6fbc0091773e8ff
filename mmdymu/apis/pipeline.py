"""From an image, of whatever origin, to what a model takes: a config's test pipeline without its labels."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform, Compose, LoadImageFromFile
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement
from mmpretrain.structures import MultiTaskDataSample
from torch import Tensor

from mmdymu.datasets.transforms import MultiTaskPad, PackMultiTaskInputs
from mmdymu.models import ControllableClassifier, ControllableNet
from mmdymu.registry import SCOPE, TRANSFORMS

__all__ = ["Frame", "Image", "InferencePipeline"]

Image = str | Path | np.ndarray
"""A file, or (H, W, 3) uint8, BGR."""

LABEL_TRANSFORMS = ("LoadMultiTaskAnnotations", "LoadAnnotations", "IgnoreEmptyLabels")
LOADERS = ("LoadImageFromFile", "LoadImageFromNDArray", "LoadImageFromArray")


@dataclass(frozen=True)
class Frame:
    """An image that is ready for a model.

    Attributes:
        image: (H, W, 3) uint8, BGR, as it was read.
        inputs: (3, h, w), after the pipeline.
        sample: A sample by task, without labels.
        padding: Pixels that the pipeline added left, right, above, below.
    """

    image: np.ndarray
    inputs: Tensor
    sample: MultiTaskDataSample
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def unpad(self, sample: MultiTaskDataSample) -> None:
        """Tells a preprocessed sample what the pipeline has padded, so that predictions are cut to the image."""
        if not any(self.padding):
            return
        added = sample.metainfo.get("img_padding_size", (0, 0, 0, 0))
        total = tuple(a + b for a, b in zip(added, self.padding, strict=True))
        for part in (sample, *sample.values()):
            if isinstance(part, BaseDataElement):
                part.set_metainfo({"img_padding_size": total, "padding_size": total})


class InferencePipeline:
    """Reads images and applies a test pipeline; immutable, so that threads can share it.

    Transforms that load labels are left out. A pad that lets the padded frame count as the original
    (``as_original``) no longer does: predictions come in the size of the image.

    Args:
        transforms: Config of the test pipeline.
        tasks: Tasks that the samples get; each without a label.
        fixed_size: (height, width) to which images are brought in the end; None: as the pipeline leaves them.
        are_classes: Whether the tasks tell classes of whole images.
    """

    def __init__(
        self,
        transforms: Sequence[Mapping[str, Any]],
        tasks: Sequence[str],
        fixed_size: tuple[int, int] | None = None,
        are_classes: bool = False,
    ) -> None:
        kept = [dict(copy.deepcopy(one)) for one in transforms if _name(one) not in LABEL_TRANSFORMS]
        loaders = [one for one in kept if _name(one) in LOADERS]
        rest = [one for one in kept if _name(one) not in (*LOADERS, PackMultiTaskInputs.__name__)]
        for one in rest:
            if _name(one) == MultiTaskPad.__name__:
                one["as_original"] = False
        self._load: BaseTransform = TRANSFORMS.build(loaders[0]) if loaders else LoadImageFromFile()
        self._transforms = Compose([TRANSFORMS.build(one) for one in rest])
        self._pack = PackMultiTaskInputs()
        # Which other kind a dense task has matters for labels only.
        self._kinds = dict.fromkeys(tasks, "class" if are_classes else "label")
        self._fixed_size = fixed_size

    @classmethod
    def of_model(cls, model: ControllableNet) -> InferencePipeline:
        """The pipeline of a model's config.

        A classifier's images are brought to its ``image_size``, because its heads take no other.

        Raises:
            ValueError: If the model has no config, or this has no test pipeline.
        """
        cfg = model.cfg
        if cfg is None:
            raise ValueError("the model has no config, whose test pipeline is needed: make it with init_model")
        loader = cfg.get("test_dataloader") or cfg.get("val_dataloader") or {}
        transforms = (loader.get("dataset") or {}).get("pipeline", cfg.get("test_pipeline"))
        if transforms is None:
            raise ValueError("the config has no test_dataloader.dataset.pipeline and no test_pipeline, one is needed")
        is_classifier = isinstance(model, ControllableClassifier)
        height, width = model.image_size
        size = (height, width) if is_classifier else None
        with DefaultScope.overwrite_default_scope(cfg.get("default_scope") or SCOPE):
            return cls(transforms, model.tasks, size, is_classifier)

    def __call__(self, image: Image, where: str | None = None) -> Frame:
        """Reads and prepares one image.

        Args:
            image: File or array.
            where: What an error calls it; default: its path.

        Raises:
            FileNotFoundError: If the file does not exist.
            TypeError: If it is neither path nor array, or the array is not uint8.
            ValueError: If the file is no image, or the array is not (H, W, 3).
        """
        results = self._read(image) if isinstance(image, str | Path) else _of_array(image, where or "an image")
        whole = results["img"]
        results.update(task_kinds=self._kinds, seg_fields=[])
        results = self._transforms(results)
        if self._fixed_size is not None:
            results["img"] = _resized(results["img"], self._fixed_size)
            results["img_shape"] = self._fixed_size
        packed = self._pack(results)
        return Frame(whole, packed["inputs"], packed["data_samples"], _padding(results))

    def _read(self, path: str | Path) -> dict[str, Any]:
        is_address = "://" in str(path)
        if not is_address and not Path(path).is_file():
            raise FileNotFoundError(f"image {str(path)!r} does not exist")
        is_array = str(path).endswith(".npy")
        load = self._load if is_array or isinstance(self._load, LoadImageFromFile) else LoadImageFromFile()
        try:
            results = load({"img_path": str(path)})
        except (AssertionError, cv2.error) as error:  # What mmcv raises for damaged and for empty files.
            raise ValueError(f"{str(path)!r} is no image that can be read") from error
        assert results is not None
        return results


def check_array(image: Any, where: str) -> np.ndarray:
    """The array, if it is an image.

    Raises:
        TypeError: If it is no array, or not one of bytes.
        ValueError: If it is not (H, W, 3).
    """
    if not isinstance(image, np.ndarray):
        raise TypeError(f"{where} must be a path or an array (H, W, 3) uint8, BGR, got {type(image).__name__}")
    if image.ndim != 3 or image.shape[2] != 3 or not image.size:
        hint = "; give several images as a list" if image.ndim == 4 else ""
        raise ValueError(f"{where} must have shape (H, W, 3), got {image.shape}{hint}")
    if image.dtype != np.uint8:
        raise TypeError(f"{where} must be uint8 from 0 to 255, got {image.dtype}")
    return image


def _of_array(image: Any, where: str) -> dict[str, Any]:
    array = check_array(image, where)
    # Transforms may write into it.
    return {"img": array.copy(), "img_shape": array.shape[:2], "ori_shape": array.shape[:2]}


def _padding(results: Mapping[str, Any]) -> tuple[int, int, int, int]:
    padding = results.get("padding", (0, 0, 0, 0))
    if any(padding) and tuple(results["img"].shape[:2]) != tuple(results["pad_shape"]):
        raise ValueError("the test pipeline changes the size of images behind MultiTaskPad: put the pad last")
    return padding


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return image if image.shape[:2] == size else cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)


def _name(transform: Mapping[str, Any]) -> str:
    kind = transform["type"]
    return kind.rsplit(".", 1)[-1] if isinstance(kind, str) else kind.__name__
