"""Whole files or none, and nobody else's overwritten."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdymu.apis.output_folder import OutputFolder, OverlayVideo


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_writes_and_never_overwrites_unless_told(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "new" / "out")
    path = folder.write("maps/a/1.png", b"one")
    assert path.read_bytes() == b"one"
    with pytest.raises(ValueError, match=r"1\.png' exists: choose another out_dir, or set overwrite=True"):
        folder.write("maps/a/1.png", b"two")
    with pytest.raises(ValueError, match="exists"):
        folder.check_free(["maps/a/2.png", "maps/a/1.png"])
    folder.check_free(["maps/a/2.png"])
    assert path.read_bytes() == b"one"
    again = OutputFolder(tmp_path / "new" / "out", overwrite=True)
    again.check_free(["maps/a/1.png"])
    assert again.write("maps/a/1.png", b"two").read_bytes() == b"two"
    assert files(tmp_path) == ["new/out/maps/a/1.png"]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)

    def half(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("out of ink")

    with pytest.raises(RuntimeError, match="out of ink"):
        folder.place("a.png", half)
    assert files(tmp_path) == []


def test_of_many_threads_one_wins(tmp_path: Path) -> None:
    folder, refused = OutputFolder(tmp_path), []

    def write(number: int) -> None:
        try:
            folder.write("same.png", bytes([number]) * 1000)
        except ValueError:
            refused.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    content = (tmp_path / "same.png").read_bytes()
    assert content == bytes([content[0]]) * 1000
    assert content[0] not in refused
    assert files(tmp_path) == ["same.png"]


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match=r"must be a folder, but .*file' is a file"):
        OutputFolder(tmp_path / "file" / below)


def test_a_video_is_there_when_it_is_finished(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    video = OverlayVideo(folder, "videos/walk.mp4", 5.0)
    for index in range(4):
        video.add(np.full((48, 64, 3), (200, 0, 60 * index), np.uint8))
    assert not (tmp_path / "videos").exists()
    assert video.finish() == tmp_path / "videos/walk.mp4"
    video.close()
    assert files(tmp_path) == ["videos/walk.mp4"]
    reader = cv2.VideoCapture(str(tmp_path / "videos/walk.mp4"))
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    assert reader.get(cv2.CAP_PROP_FPS) == pytest.approx(5)
    # RGB went in, OpenCV reads BGR.
    assert reader.read()[1][..., 2].mean() > 150
    dropped = OverlayVideo(folder, "videos/other.mp4", 5.0)
    dropped.add(np.zeros((48, 64, 3), np.uint8))
    dropped.close()
    assert files(tmp_path) == ["videos/walk.mp4"]
