"""Files, folders, videos and arrays become images with names of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import picture, video

from mmdymu.apis.sources import list_sources


def names(inputs: Any) -> list[str]:
    return [name for source in list_sources(inputs) for name, _ in source]


def test_a_folder_in_order_with_all_that_lies_below(tmp_path: Path) -> None:
    for name in ("b/2.png", "a.JPG", "b/1.jpg", "b/c/1.png", ".hidden/x.png", ".y.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    assert names(str(tmp_path)) == ["a", "b/1", "b/2", "b/c/1"]
    assert names(tmp_path / "a.JPG") == ["a"]


def test_equal_names_are_told_apart(tmp_path: Path) -> None:
    files = [picture(tmp_path / name) for name in ("x/1.png", "y/1.png", "y/1.jpg", "y/2.png")]
    assert names([files[0], files[3]]) == ["1", "2"]
    assert names([files[0], files[1]]) == ["x/1", "y/1"]
    assert names([tmp_path / "x", tmp_path / "y"]) == ["x/1.png", "y/1.jpg", "y/1.png", "y/2.png"]
    assert names([files[1], files[2]]) == ["1.png", "1.jpg"]
    twice = [files[0], files[0], files[3], files[0]]
    assert names(twice) == ["x/1.png", "x/1.png_2", "y/2.png", "x/1.png_3"]


def test_every_name_is_free_below_a_folder(tmp_path: Path) -> None:
    files = [picture(tmp_path / name) for name in ("x/1.png", "x/1_2.png", "y/1.png")]
    given: list[Any] = [files[0], files[0], files[1], files[2], files[0], np.zeros((2, 2, 3), np.uint8)] * 2
    found = names(given)
    assert len(set(found)) == len(found) == len(given)
    assert not any(".." in name or name.startswith("/") for name in found)


def test_arrays_are_numbered() -> None:
    array = np.zeros((2, 3, 3), np.uint8)
    assert names([array, array]) == ["array_000000", "array_000001"]
    assert next(iter(list_sources(array)[0]))[1] is array


def test_the_frames_of_a_video(tmp_path: Path) -> None:
    (source,) = list_sources(video(tmp_path / "walk.avi"))
    assert (source.frames, source.fps) == (3, 10)
    frames = list(source)
    assert [name for name, _ in frames] == ["walk/000000", "walk/000001", "walk/000002"]
    assert [round(float(frame.mean()), -1) for _, frame in frames] == [0, 80, 160]
    assert [float(frame.mean()) for _, frame in source] == [float(frame.mean()) for _, frame in frames]


def test_no_image_is_called_like_a_frame_of_a_video(tmp_path: Path) -> None:
    film, still = video(tmp_path / "walk.avi"), picture(tmp_path / "walk/000000.png")
    for inputs in ([film, tmp_path], [tmp_path, film], [film, still], [still, film]):
        found = names(inputs)
        assert len(found) == len(set(found)) == 4


def test_bad_inputs(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"input 'nowhere\.jpg' does not exist"):
        list_sources("nowhere.jpg")
    with pytest.raises(ValueError, match=r"has no images \(\.jpg"):
        list_sources(str(tmp_path))
    with pytest.raises(ValueError, match="inputs is an empty list"):
        list_sources([])
    with pytest.raises(TypeError, match=r"inputs\[1\] must be a path or an array .* got int"):
        list_sources([np.zeros((2, 2, 3), np.uint8), 3])
    with pytest.raises(ValueError, match=r"inputs\[0\] must have shape \(H, W, 3\), got \(2, 2, 4\)"):
        list_sources(np.zeros((2, 2, 4), np.uint8))
    (tmp_path / "broken.mp4").write_text("no video")
    with pytest.raises(ValueError, match=r"broken\.mp4' is no video that can be read"):
        list_sources(tmp_path / "broken.mp4")
