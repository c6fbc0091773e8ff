"""More tasks for the images of an existing mmseg data set."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset

from mmdymu.registry import DATASETS

from .multi_task_dataset import MultiTaskDataset
from .task_spec import IGNORE_LABEL


@DATASETS.register_module()
class MultiTaskWrapper(MultiTaskDataset):
    """Takes images and class maps from a data set of mmseg and adds tasks whose labels lie beside them.

    Image ``{img_dir}/{id}{img_suffix}`` of the wrapped data set has the label ``{data_root}/{folder}/{id}{suffix}`` for
    each added task. Classes, palette, ``reduce_zero_label``, chosen classes (``metainfo``) and ``ignore_index`` of the
    wrapped data set are kept.

    Args:
        dataset: Config of the mmseg data set, e.g. ``dict(type='mmseg.ADE20KDataset', …)``. Its pipeline is not used.
        tasks: The added tasks, as for :class:`MultiTaskDataset`.
        name: Name of the wrapped data set's own task, which comes first.
        data_root: Folder of the added labels; default: the wrapped data set's ``data_root``.
        options: ``require``, ``cache_dir``, ``how_to_get``, ``pipeline``, … of :class:`MultiTaskDataset`.

    Raises:
        TypeError: The wrapped data set is not one of mmseg.
        ValueError: ``name`` is also an added task, or the wrapped data set has no class names.
    """

    def __init__(
        self,
        dataset: Mapping[str, Any],
        tasks: Mapping[str, Mapping[str, Any]],
        name: str = "semseg",
        data_root: str = "",
        **options: Any,
    ) -> None:
        config = copy.deepcopy(dict(dataset))
        if config.pop("pipeline", None):
            print_log("MultiTaskWrapper: the pipeline of the wrapped data set is not used", "current")
        self.wrapped = DATASETS.build(config)
        if not isinstance(self.wrapped, BaseSegDataset):
            raise TypeError(f"dataset={config.get('type')!r} of MultiTaskWrapper is no data set of mmseg")
        if name in tasks:
            raise ValueError(f"name={name!r} of MultiTaskWrapper is also one of the added tasks {list(tasks)}")
        self.name = name
        super().__init__(
            {name: _described(self.wrapped), **tasks}, data_root=data_root or self.wrapped.data_root or "", **options
        )

    def check_folders(self) -> None:
        """Looks for the folders of the added labels; the wrapped data set has looked for its own."""
        added = [spec for task, spec in self.task_specs.items() if task != self.name]
        self._check_labels(Path(self.data_root), added)

    def entries(self) -> Sequence[int]:
        """Numbers of the wrapped data set's images."""
        return range(len(self.wrapped))

    def item(self, entry: int, tasks: Sequence[str] | None = None) -> dict[str, Any]:
        """Image and class map of the wrapped data set, and the labels beside them."""
        wanted = self.tasks if tasks is None else tasks
        info = self.wrapped.get_data_info(entry)
        image, own = Path(info["img_path"]), info.get("seg_map_path")
        if self.name in wanted and (own is None or not Path(own).is_file()):
            raise FileNotFoundError(f"image '{image}' has no label for task '{self.name}': no file '{own}'")
        folder = Path(self.wrapped.data_prefix["img_path"])
        name = str(image.relative_to(folder)).removesuffix(self.wrapped.img_suffix)
        labels, masks = self._labels(Path(self.data_root), name, [task for task in wanted if task != self.name])
        if self.name in wanted:
            labels = {self.name: own, **labels}
        return {"img_path": str(image), "label_paths": labels, "mask_paths": masks}


def _described(dataset: BaseSegDataset) -> dict[str, Any]:
    """The wrapped data set's task in the words of a :class:`TaskSpec`."""
    classes = dataset.metainfo.get("classes")
    if not classes:
        raise ValueError(f"{type(dataset).__name__} has no class names; give metainfo=dict(classes=…)")
    palette = dataset.metainfo.get("palette")
    return {
        "kind": "label",
        "classes": tuple(classes),
        "palette": palette if palette and len(palette) == len(classes) else None,
        "suffix": dataset.seg_map_suffix,
        "value_map": [_label_of(value, dataset) for value in range(256)],
    }


def _label_of(stored: int, dataset: BaseSegDataset) -> int:
    """What mmseg's ``LoadAnnotations`` makes of a stored class."""
    if dataset.reduce_zero_label:
        # 255 becomes 254 and then 255 again.
        stored = IGNORE_LABEL if stored in (0, IGNORE_LABEL) else stored - 1
    label = (dataset.label_map or {}).get(stored, stored)
    return IGNORE_LABEL if label == dataset.ignore_index else int(label)
