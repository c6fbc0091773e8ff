from __future__ import annotations

import io
import logging
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub

from mmdymu import _dependencies
from mmdymu._dependencies import STACKS, check_dependencies


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch):
    """Pretend that modules are missing and that just the given distributions are installed."""

    def set_up(missing: tuple[str, ...] = (), installed: dict[str, str] | None = None) -> None:
        def version(name: str) -> str:
            if installed is None or name not in installed:
                raise _dependencies.PackageNotFoundError(name)
            return installed[name]

        monkeypatch.setattr(_dependencies, "find_spec", lambda name: None if name in missing else object())
        monkeypatch.setattr(_dependencies, "version", version)

    return set_up


@pytest.mark.parametrize("name", ["mmengine", "mmcv", "mmseg", "mmpretrain", "torch", "torchvision"])
def test_a_missing_piece_is_named_with_the_command(pretend, name: str) -> None:
    pretend(missing=(name,))
    with pytest.raises(ModuleNotFoundError, match=rf"needs {name}, not installed(.|\n)*pip install .*\[onedl\]"):
        check_dependencies()


def test_all_missing_pieces_are_named_at_once(pretend) -> None:
    pretend(missing=("mmcv", "mmseg"))
    with pytest.raises(ModuleNotFoundError, match="mmcv, mmseg"):
        check_dependencies()


def test_an_original_environment_is_told_to_stay_with_the_original_packages(pretend) -> None:
    pretend(missing=("mmseg",), installed={"mmengine": "0.10.7", "mmcv": "2.1.0"})
    with pytest.raises(ModuleNotFoundError, match=r"\[openmmlab\]"):
        check_dependencies()


@pytest.mark.parametrize("stack", STACKS)
def test_tested_versions_are_silent(pretend, caplog: pytest.LogCaptureFixture, stack: str) -> None:
    pretend(installed=dict(STACKS[stack].values()))
    with warnings.catch_warnings(), caplog.at_level(logging.INFO, logger="mmdymu"):
        warnings.simplefilter("error")
        check_dependencies()
    assert not caplog.records


def test_untested_versions_are_a_quiet_note(pretend, caplog: pytest.LogCaptureFixture) -> None:
    pretend(installed={"mmcv": "9.0"})
    with warnings.catch_warnings(), caplog.at_level(logging.INFO, logger="mmdymu"):
        warnings.simplefilter("error")
        check_dependencies()
    assert [record.levelno for record in caplog.records] == [logging.INFO]
    assert "mmcv 9.0 found, tested with 2.1.0" in caplog.text


def test_two_stacks_in_one_environment_are_warned_about(pretend) -> None:
    pretend(installed={"onedl-mmcv": "2.3.6", "mmcv": "2.1.0", "onedl-mmengine": "0.10.12"})
    with pytest.warns(UserWarning, match="mmcv: installed from two distributions .*uninstall onedl-mmcv mmcv"):
        check_dependencies()


@pytest.mark.parametrize(
    ("text", "release"),
    [("2.12.1+cpu", (2, 12, 1)), ("0.10.7", (0, 10, 7)), ("2.6.0a0+git1", (2, 6, 0)), ("x", ())],
)
def test_release(text: str, release: tuple[int, ...]) -> None:
    assert _dependencies._release(text) == release


@pytest.fixture
def our_safe_globals() -> Iterator[None]:
    """Register ours and nothing else; torch's own context manager would also remove what was there before."""
    before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(_dependencies._safe_globals())
    yield
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(before)


def message_hub_state() -> dict:
    hub = MessageHub("test_dependencies")
    hub.update_scalar("loss", 1.5)
    hub.update_scalar("numpy", np.float32(2.5))
    hub.update_scalar("count", 3)
    hub.update_info("best_score", np.float64(0.5))
    return hub.state_dict()


@pytest.mark.usefixtures("our_safe_globals")
def test_the_message_hub_loads_with_nothing_but_our_safe_globals() -> None:
    file = io.BytesIO()
    torch.save(message_hub_state(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    assert state["log_scalars"]["loss"].current() == 1.5
    assert state["log_scalars"]["numpy"].mean() == 2.5
    assert state["runtime_info"]["best_score"] == 0.5


@pytest.mark.usefixtures("our_safe_globals")
def test_numpy_arrays_saved_under_the_other_major_version_load() -> None:
    numpy_1, numpy_2 = b"numpy.core.multiarray", b"numpy._core.multiarray"
    file = io.BytesIO()
    # The old file format has no checksums, so that names can be replaced.
    torch.save({"array": np.arange(3.0)}, file, _use_new_zipfile_serialization=False)
    content = file.getvalue()
    renamed = content.replace(numpy_2, numpy_1) if numpy_2 in content else content.replace(numpy_1, numpy_2)
    assert renamed != content
    loaded = torch.load(io.BytesIO(renamed), weights_only=True)
    assert loaded["array"].tolist() == [0.0, 1.0, 2.0]


class Malicious:
    """Asks, while it is loaded, for an attribute by which all globals of a module can be reached."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, "__init__")


@pytest.mark.usefixtures("our_safe_globals")
def test_attributes_other_than_statistics_are_refused() -> None:
    file = io.BytesIO()
    torch.save(Malicious(), file)
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match="refused to look up '__init__'"):
        torch.load(file, weights_only=True)


def test_import_is_cheap() -> None:
    """No model library is imported, and the names of the top level are there."""
    code = (
        "import sys, mmdymu; mmdymu.Preference, mmdymu.BranchingTree, mmdymu.__version__; "
        "print([name for name in ('mmseg', 'mmcv', 'mmpretrain', 'mmengine.runner') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert not done.stderr
