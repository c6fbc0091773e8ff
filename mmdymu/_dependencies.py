"""What must be installed beside this package, and what stock mmengine needs to load its own checkpoints.

Two stacks offer the same import names (the OneDL builds and the original OpenMMLab packages), so that neither
can be a hard requirement of the package: what is missing is told at import instead.
"""

from __future__ import annotations

import logging
import pickle
import re
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

__all__ = ["STACKS", "check_dependencies", "register_safe_globals"]

#: Name of the extra -> import name -> (distribution, version that the tests run with).
STACKS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "onedl": {
        "mmengine": ("onedl-mmengine", "0.10.12"),
        "mmcv": ("onedl-mmcv", "2.3.6"),
        "mmseg": ("onedl-mmsegmentation", "1.4.2"),
        "mmpretrain": ("onedl-mmpretrain", "1.3.6"),
    },
    "openmmlab": {
        "mmengine": ("mmengine", "0.10.7"),
        "mmcv": ("mmcv", "2.1.0"),
        "mmseg": ("mmsegmentation", "1.2.2"),
        "mmpretrain": ("mmpretrain", "1.2.0"),
    },
}
# torchvision: mmpretrain imports it without requiring it.
_IMPORTS = ("torch", "torchvision", *STACKS["onedl"])
_FIRST_MMENGINE_THAT_LOADS = (0, 10, 8)
_FIRST_TORCH_THAT_REFUSES = (2, 6)


def check_dependencies() -> None:
    """Tell which required package is missing and how to install it.

    Two stacks in one environment are warned about; versions other than the tested ones are only logged, at
    level INFO, which is silent by default.

    Raises:
        ModuleNotFoundError: If torch, torchvision, mmengine, mmcv, mmseg or mmpretrain cannot be found.
    """
    installed = {stack: _installed(stack) for stack in STACKS}
    missing = [name for name in _IMPORTS if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(_missing_message(missing, installed), name=missing[0])
    twice = sorted(installed["onedl"].keys() & installed["openmmlab"].keys())
    if twice:
        both = " ".join(STACKS[stack][name][0] for name in twice for stack in STACKS)
        warnings.warn(
            f"{', '.join(twice)}: installed from two distributions that overwrite each other's files; "
            f"uninstall both (python -m pip uninstall {both}) and install one again",
            stacklevel=2,
        )
    for stack, found in installed.items():
        for name, number in found.items():
            distribution, tested = STACKS[stack][name]
            if number != tested:
                logging.getLogger("mmdymu").info("%s %s found, tested with %s", distribution, number, tested)


def _installed(stack: str) -> dict[str, str]:
    """Import name -> version, for the installed distributions of a stack; reads metadata, imports nothing."""
    found = {}
    for name, (distribution, _) in STACKS[stack].items():
        try:
            found[name] = version(distribution)
        except PackageNotFoundError:
            continue
    return found


def _missing_message(missing: list[str], installed: Mapping[str, Mapping[str, str]]) -> str:
    # Who has a part of the original packages wants the rest of these, and not the other stack on top.
    stack = "openmmlab" if installed["openmmlab"] and not installed["onedl"] else "onedl"
    return (
        f"mmdymu needs {', '.join(missing)}, not installed here. In the folder of the repository, run\n"
        f"    python -m pip install -c requirements/constraints-{stack}.txt -e '.[{stack}]'\n"
        "README.md has the steps for an existing OpenMMLab environment."
    )


def register_safe_globals() -> None:
    """Let stock mmengine load its own checkpoints on torch >= 2.6.

    From 2.6 on, torch refuses by default to unpickle anything but tensors, and mmengine before 0.10.8 stores
    its message hub (HistoryBuffers of numpy arrays) in every checkpoint. Does nothing for other versions.
    """
    import mmengine
    import torch

    stock = _release(mmengine.__version__) < _FIRST_MMENGINE_THAT_LOADS
    if stock and _release(torch.__version__) >= _FIRST_TORCH_THAT_REFUSES:
        torch.serialization.add_safe_globals(_safe_globals())


def _release(text: str) -> tuple[int, ...]:
    """Turn '2.12.1+cpu' into (2, 12, 1)."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def _safe_globals() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    import numpy as np
    from mmengine.logging import HistoryBuffer

    # Asking the objects themselves avoids numpy's private module names, which differ between numpy 1 and 2.
    rebuild_array, rebuild_scalar = np.empty(0).__reduce__()[0], np.float64(0).__reduce__()[0]
    dtypes = {type(np.dtype(code)) for code in np.typecodes["All"]}
    # Checkpoints written under numpy 1 and numpy 2 name these two functions differently.
    renamed = [
        (function, f"numpy.{package}.multiarray.{name}")
        for package in ("core", "_core")
        for name, function in (("_reconstruct", rebuild_array), ("scalar", rebuild_scalar))
    ]
    return [HistoryBuffer, np.ndarray, np.dtype, *dtypes, *renamed, (_history_statistic, "builtins.getattr")]


def _history_statistic(owner: Any, name: str) -> Any:
    """Stand in for ``getattr``, by which pickle refers to the methods that a HistoryBuffer keeps in a dict.

    The real getattr would let a malicious file reach anything from there.
    """
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name.startswith("_"):
        raise pickle.UnpicklingError(f"refused to look up {name!r} of {owner!r} while loading a checkpoint")
    return getattr(HistoryBuffer, name)
