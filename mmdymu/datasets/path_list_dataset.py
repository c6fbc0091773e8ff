"""Images and labels whose paths a JSON file lists."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmdymu.registry import DATASETS

from .multi_task_dataset import MultiTaskDataset

IMAGE = "img"


@DATASETS.register_module()
class PathListDataset(MultiTaskDataset):
    """A JSON file ``{split: [[path, path, …], …]}``, paths relative to ``data_root``, as AdaShare lists NYU-v2.

    Args:
        columns: What each path of a row is: 'img' or a task's name.
        split: Key of the rows.
        options: As for :class:`MultiTaskDataset`; ``folder`` of a task and ``img`` are not used.

    Raises:
        FileNotFoundError: Data folder, JSON file, image or label file is missing.
        ValueError: The columns do not name the image and every task once, or the JSON file has no such rows.
    """

    def __init__(self, *, columns: Sequence[str], split: str, **options: Any) -> None:
        self.columns, self.split = tuple(columns), split
        expected = {IMAGE, *options.get("tasks", ())}
        if set(self.columns) != expected or len(self.columns) != len(expected):
            raise ValueError(f"columns={self.columns} must name each of {sorted(expected)} once")
        for task, config in options["tasks"].items():
            if {"mask", "coco"} & set(config):
                raise ValueError(f"tasks['{task}'] of PathListDataset cannot have mask or coco: rows list plain files")
        super().__init__(**options)

    def check_folders(self) -> None:
        """Looks for the data folder."""
        self._check_folder(Path(self.data_root), "data folder")

    def entries(self) -> Sequence[Any]:
        """Rows of the split."""
        path = Path(self.ann_file)
        if not path.is_file():
            raise FileNotFoundError(f"list file '{path.absolute()}' (ann_file) does not exist")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"list file '{path}' is not JSON: {error}") from error
        rows = content.get(self.split) if isinstance(content, dict) else None
        if not rows:
            known = list(content) if isinstance(content, dict) else type(content).__name__
            raise ValueError(f"list file '{path}' has no rows for split='{self.split}', it holds {known}")
        return rows

    def item(self, entry: Any, tasks: Sequence[str] | None = None) -> dict[str, Any]:
        """Paths of a row."""
        if len(entry) != len(self.columns):
            raise ValueError(f"row {entry} of '{self.ann_file}' has {len(entry)} paths, columns={self.columns}")
        paths = {column: Path(self.data_root) / path for column, path in zip(self.columns, entry, strict=True)}
        wanted = self.tasks if tasks is None else tasks
        for column in (IMAGE, *wanted):
            optional = column != IMAGE and self.task_specs[column].optional
            if not paths[column].is_file() and not optional:
                raise FileNotFoundError(f"row {entry} of '{self.ann_file}': no file '{paths[column]}' for '{column}'")
        labels = {task: str(paths[task]) if paths[task].is_file() else None for task in wanted}
        return {"img_path": str(paths[IMAGE]), "label_paths": labels, "mask_paths": {}}
