"""Random draws that neither depend on earlier ones nor disturb later ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["own_draws"]


@contextmanager
def own_draws() -> Iterator[None]:
    """Begins at the process's seed (``torch.initial_seed``); afterwards all generators are as they were before."""
    devices = range(torch.cuda.device_count())
    with torch.random.fork_rng(devices):
        torch.manual_seed(torch.initial_seed())
        yield
