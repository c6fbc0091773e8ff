"""From a preference to a product: a fixed network, its description, and exports."""

from .fixing import fix
from .manifest import build_manifest

__all__ = ["build_manifest", "fix"]
