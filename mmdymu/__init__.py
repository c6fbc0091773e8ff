"""Controllable dynamic multi-task segmentation: preference and budget are chosen at test time."""

from __future__ import annotations

from mmdymu._dependencies import check_dependencies, register_safe_globals

# Before anything of OpenMMLab is imported: a missing piece is named with the command that installs it.
check_dependencies()
register_safe_globals()

# Registries must exist before a config names one of our types: custom_imports=['mmdymu'] is then enough.
from mmdymu import registry  # noqa: E402
from mmdymu.budget import Budget  # noqa: E402
from mmdymu.preference import Preference  # noqa: E402
from mmdymu.tree import BranchingTree  # noqa: E402
from mmdymu.version import __version__  # noqa: E402

__all__ = ["BranchingTree", "Budget", "Preference", "__version__", "registry"]
