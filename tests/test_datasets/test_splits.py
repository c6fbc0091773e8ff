from __future__ import annotations

from pathlib import Path

import pytest

from mmdymu.datasets.splits import ids_of_folder, ids_of_split


def test_ids_of_a_text_file(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("b\n\n a/c \n")
    assert ids_of_split(tmp_path / "train.txt") == ["b", "a/c"]
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"empty\.txt.*names no image"):
        ids_of_split(tmp_path / "empty.txt")
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        ids_of_split(tmp_path / "none.txt")


def test_files_of_a_folder_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10.npy", "9.npy", "2.npy", "x1.npy", "2.png"):
        (tmp_path / name).touch()
    assert ids_of_folder(tmp_path, ".npy") == ["2", "9", "10", "x1"]
    with pytest.raises(ValueError, match=r"'\*\.jpg'"):
        ids_of_folder(tmp_path, ".jpg")
