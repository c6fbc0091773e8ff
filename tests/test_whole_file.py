from __future__ import annotations

from pathlib import Path

import pytest

from mmdymu.whole_file import whole_file


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    with whole_file(path) as unfinished:
        unfinished.write_text("whole")
        assert not path.exists()
        assert unfinished.suffix == ".json"
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text("before")
    with pytest.raises(OSError, match="disk full"), whole_file(path) as unfinished:
        unfinished.write_text("half")
        raise OSError("disk full")
    assert [other.read_text() for other in tmp_path.iterdir()] == ["before"]


def test_two_writers_of_one_file_in_a_process_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    with whole_file(path) as first:
        first.write_text("first")
        with whole_file(path) as second:
            assert first != second
            second.write_text("second")
        assert path.read_text() == "second"
        assert first.read_text() == "first"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]
