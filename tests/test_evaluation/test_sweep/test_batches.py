from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from mmdymu.evaluation.sweep import KeptBatches

KIB = 2**-20


class Counted(Dataset):
    def __init__(self) -> None:
        self.loads = 0

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, Any]:
        self.loads += 1
        return {"inputs": torch.full((64,), float(index)), "name": str(index)}


@pytest.mark.parametrize(("limit", "loads"), [(1.1 * KIB, 4), (0.9 * KIB, 12), (0, 12)])
def test_images_are_loaded_once_if_they_fit(limit: float, loads: int) -> None:
    data = Counted()
    batches = KeptBatches(DataLoader(data, batch_size=2), limit)
    passes = [torch.cat([batch["inputs"] for batch in batches]) for _ in range(3)]
    assert all(torch.equal(found, passes[0]) for found in passes)
    assert len(batches) == 2
    assert data.loads == loads


def test_kept_tensors_hold_no_shared_memory() -> None:
    batches = KeptBatches(DataLoader(Counted(), batch_size=2, num_workers=1), 1)
    first, second = list(batches), list(batches)
    assert all(batch["inputs"].is_shared() for batch in first)
    assert not any(batch["inputs"].is_shared() for batch in second)
    assert all(torch.equal(a["inputs"], b["inputs"]) for a, b in zip(first, second, strict=True))


def test_a_pass_that_is_broken_off_keeps_nothing() -> None:
    data = Counted()
    batches = KeptBatches(DataLoader(data, batch_size=2), 1)
    next(iter(batches))
    assert len(list(batches)) == 2
    assert data.loads == 6
