"""Building parts that belong to sibling libraries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from mmdymu.registry import MODELS, check_prefix


def build_part(config: Mapping[str, Any], **sizes: Any) -> nn.Module:
    """Builds a module in the scope that its type names.

    A head of mmseg builds its losses by their bare names, which only mmseg's own scope knows; so ``mmseg.X`` is
    built with mmseg as the default scope, whatever the config's default is.

    Args:
        config: ``dict(type='mmseg.FCNHead', …)``.
        **sizes: Further arguments.

    Returns:
        The module.

    Raises:
        KeyError: If the type is not known; one of this package without its prefix is named with it.
    """
    parts = {**config, **sizes}
    kind = parts["type"]
    if isinstance(kind, str) and "." in kind:
        parts.setdefault("_scope_", kind.split(".")[0])
    check_prefix(parts)
    return MODELS.build(parts)
