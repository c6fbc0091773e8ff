from __future__ import annotations

from pathlib import Path

import pytest

from mmdymu.datasets.converters import ConversionError
from mmdymu.datasets.converters.output_folder import complete_folder


def fill(out: Path, text: str, overwrite: bool = False) -> None:
    with complete_folder(out, "marker", overwrite) as folder:
        (folder / "marker").write_text(text)


def test_the_folder_appears_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "new" / "data"
    with complete_folder(out, "marker") as folder:
        assert not out.exists()
        assert folder.parent == out.parent
    assert [path.name for path in out.parent.iterdir()] == ["data"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    fill(tmp_path / "data", "one")
    assert (tmp_path / "data" / "marker").read_text() == "one"


def test_only_what_a_conversion_made_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "data"
    fill(out, "one")
    with pytest.raises(ConversionError, match="is not empty"):
        fill(out, "two")
    fill(out, "two", overwrite=True)
    assert (out / "marker").read_text() == "two"
    (out / "marker").rename(out / "photos")
    with pytest.raises(ConversionError, match="has no marker, so no conversion made it"):
        fill(out, "three", overwrite=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["data", "photos"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    out = tmp_path / "data"
    fill(out, "one")
    with pytest.raises(error), complete_folder(out, "marker", overwrite=True) as folder:
        (folder / "half").touch()
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert (out / "marker").read_text() == "one"


def test_a_failing_rename_restores_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, rename = tmp_path / "data", Path.rename
    fill(out, "one")

    def fails_for_the_new(path: Path, target: Path) -> Path:
        if path.suffix == ".partial":
            raise OSError("no")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails_for_the_new)
    with pytest.raises(OSError, match="no"):
        fill(out, "two", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert (out / "marker").read_text() == "one"


@pytest.mark.parametrize("suffix", ["partial", "replaced"])
def test_two_conversions_do_not_meet(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"data.{suffix}").mkdir()
    with pytest.raises(ConversionError, match=rf"data\.{suffix}' exists: another conversion is at work"):
        fill(tmp_path / "data", "one")
    assert (tmp_path / f"data.{suffix}").is_dir()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(ConversionError, match="is not a folder"):
        fill(tmp_path / "data", "one", overwrite=True)
