"""Shared by all tests: one thread, fixed seeds, and the folder of real data where there is one."""

from __future__ import annotations

import os
import random
from collections import OrderedDict
from pathlib import Path

# Before torch and numpy are imported: the tests run in several processes, each with one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Seed all global generators, so that a test does not depend on those before it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_default_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget default scopes that earlier tests have set, and afterwards those of this test.

    mmengine keeps them for the life of the process and offers no way to drop them.
    """
    monkeypatch.setattr(DefaultScope, "_instance_dict", OrderedDict())


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of real data, named by MMDYMU_DATA_ROOT; tests that use it are skipped without it."""
    root = os.environ.get("MMDYMU_DATA_ROOT")
    if not root:
        pytest.skip("needs real data: set MMDYMU_DATA_ROOT to the folder that holds them")
    if not Path(root).is_dir():
        raise FileNotFoundError(f"MMDYMU_DATA_ROOT={root!r} is not a folder")
    return Path(root)
