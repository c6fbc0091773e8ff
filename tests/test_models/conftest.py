"""Models are built in whatever default scope is set: every test begins without one."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from mmengine.registry import DefaultScope


@pytest.fixture(autouse=True)
def no_default_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget default scopes that earlier tests have set, and afterwards those of this test.

    mmengine keeps them for the life of the process and offers no way to drop them.
    """
    monkeypatch.setattr(DefaultScope, "_instance_dict", OrderedDict())
