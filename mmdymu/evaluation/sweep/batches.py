"""Test batches that are loaded once where memory allows."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.logging import print_log
from mmengine.structures import BaseDataElement
from torch import Tensor
from torch.utils.data import DataLoader

__all__ = ["KeptBatches"]

GIB = 2**30


class KeptBatches:
    """Batches of a loader, kept after the first complete pass unless they need too much memory.

    Args:
        loader: A test loader: every pass gives the same batches.
        limit_gib: Most memory for images and labels, GiB.
    """

    def __init__(self, loader: DataLoader, limit_gib: float) -> None:
        self._loader, self._limit = loader, limit_gib * GIB
        self._kept: list[Mapping[str, Any]] | None = None

    def __len__(self) -> int:
        """Number of batches."""
        return len(self._loader)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """One pass."""
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Mapping[str, Any]] | None = []
        used = 0
        for batch in self._loader:
            used += tensor_bytes(batch)
            if kept is not None and used > self._limit:
                print_log(f"test images exceed {self._limit / GIB:g} GiB: every pass loads them anew", "current")
                kept = None
            if kept is not None:
                # A copy of its own: tensors of worker processes hold shared memory and open files.
                kept.append(copy.deepcopy(batch))
            yield batch
        self._kept = kept


def tensor_bytes(value: Any) -> int:
    """Memory of the tensors inside nested containers and data samples."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, BaseDataElement):
        return sum(tensor_bytes(item) for item in value.values())
    if isinstance(value, Mapping):
        return sum(tensor_bytes(item) for item in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return sum(tensor_bytes(item) for item in value)
    return 0
