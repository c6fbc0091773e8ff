from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmdymu.datasets import label_cache
from mmdymu.datasets.decoders import LabelDecoder
from mmdymu.datasets.label_cache import cached_labels


class Plus(LabelDecoder):
    """Adds a number to the bytes of a file of 2x3 bytes."""

    cached = True

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self.calls = 0

    def __repr__(self) -> str:
        return f"Plus({self.number})"

    def __call__(self, content: bytes) -> np.ndarray:
        self.calls += 1
        if len(content) != 6:
            raise ValueError(f"{len(content)} bytes are no 2x3 map")
        return np.frombuffer(content, np.uint8).reshape(2, 3) + self.number


def write(folder: Path, count: int = 4) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{index}.bin" for index in range(count)]
    for index, path in enumerate(paths):
        path.write_bytes(bytes(range(index, index + 6)))
    return paths


def read(paths: list[Path]) -> list[list[int]]:
    return [cv2.imread(str(path), cv2.IMREAD_UNCHANGED).flatten().tolist() for path in paths]


def test_files_are_decoded_once(tmp_path: Path) -> None:
    sources, decoder = write(tmp_path / "data"), Plus()
    paths = cached_labels(sources, decoder, tmp_path / "cache", num_workers=0)
    assert read(paths) == [list(range(i + 1, i + 7)) for i in range(4)]
    assert cached_labels(sources, decoder, tmp_path / "cache", num_workers=0) == paths
    assert decoder.calls == 4
    assert {path.name for path in (tmp_path / "data").iterdir()} == {source.name for source in sources}


def test_many_workers_write_the_same(tmp_path: Path) -> None:
    sources = write(tmp_path / "data", 40)
    alone = cached_labels(sources, Plus(), tmp_path / "a", num_workers=0)
    together = cached_labels(sources, Plus(), tmp_path / "b", num_workers=2)
    assert [path.read_bytes() for path in alone] == [path.read_bytes() for path in together]


@pytest.mark.parametrize("keep_time", [False, True])
def test_a_changed_source_is_decoded_again(tmp_path: Path, keep_time: bool) -> None:
    sources, decoder = write(tmp_path / "data"), Plus()
    before = cached_labels(sources, decoder, tmp_path / "cache", num_workers=0)
    state = sources[2].stat()
    sources[2].write_bytes(b"\x09\x09\x09\x09\x09\x09")
    os.utime(sources[2], ns=(state.st_atime_ns, state.st_mtime_ns + (0 if keep_time else 1)))
    if keep_time:  # An archive may restore the time: then the size tells.
        sources[2].write_bytes(b"")
        os.utime(sources[2], ns=(state.st_atime_ns, state.st_mtime_ns))
        with pytest.raises(ValueError, match="0 bytes are no"):
            cached_labels(sources, decoder, tmp_path / "cache", num_workers=0)
        return
    after = cached_labels(sources, decoder, tmp_path / "cache", num_workers=0)
    assert read(after)[2] == [10] * 6
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False, True]
    assert decoder.calls == 5


def test_old_results_are_removed_after_some_days(tmp_path: Path) -> None:
    (source,) = write(tmp_path / "data", 1)
    results = []
    for time in (1, 2, 3):
        os.utime(source, (time, time))
        if time == 3:
            os.utime(results[0], (0, 0))
        results += cached_labels([source], Plus(), tmp_path / "cache", num_workers=0)
    # The second is kept: another run may still read it.
    assert [path.exists() for path in results] == [False, True, True]


def test_settings_versions_and_places_have_their_own_files(tmp_path: Path) -> None:
    sources, others = write(tmp_path / "data"), write(tmp_path / "other")
    newer = Plus()
    newer.version = 2  # type: ignore[misc]
    decoders = [(sources, Plus(1)), (sources, Plus(2)), (others, Plus(1)), (sources, newer)]
    paths = [tuple(cached_labels(files, decoder, tmp_path / "cache", num_workers=0)) for files, decoder in decoders]
    assert len(set(paths)) == 4
    assert read(list(paths[1]))[0] == [2, 3, 4, 5, 6, 7]
    assert all(path.exists() for row in paths for path in row)


def test_a_broken_file_is_named_and_what_is_done_stays_done(tmp_path: Path) -> None:
    sources, decoder = write(tmp_path / "data"), Plus()
    sources[3].write_bytes(b"x")
    with pytest.raises(ValueError, match=r"3\.bin': 1 bytes are no 2x3 map"):
        cached_labels(sources, decoder, tmp_path / "cache", num_workers=0)
    assert len(list((tmp_path / "cache").rglob("*.png"))) == 3
    assert not list((tmp_path / "cache").rglob("*.tmp"))
    sources[3].write_bytes(bytes(6))
    cached_labels(sources, decoder, tmp_path / "cache", num_workers=0)
    assert decoder.calls == 5


def fill(sources: list[Path], cache: Path, answers: Any) -> None:
    decoder = Plus()
    paths = cached_labels(sources, decoder, cache, num_workers=0)
    answers.put((decoder.calls, read(paths)))


def test_two_processes_at_once_decode_once(tmp_path: Path) -> None:
    sources = write(tmp_path / "data", 60)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    processes = [context.Process(target=fill, args=(sources, tmp_path / "cache", answers)) for _ in range(2)]
    for process in processes:
        process.start()
    results = [answers.get(timeout=30) for _ in processes]
    for process in processes:
        process.join()
    assert sorted(calls for calls, _ in results) == [0, 60]
    assert results[0][1] == results[1][1] == [[(i + j + 1) % 256 for j in range(6)] for i in range(60)]


def test_nothing_is_written_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = write(tmp_path / "data")
    monkeypatch.setattr(label_cache.Path, "replace", lambda *_: os._exit(9))
    context = multiprocessing.get_context("fork")
    process = context.Process(target=cached_labels, args=(sources, Plus(), tmp_path / "cache", 0))
    process.start()
    process.join()
    monkeypatch.undo()
    assert process.exitcode == 9
    assert len(list((tmp_path / "cache").rglob("*.tmp"))) == 1
    decoder = Plus()
    assert read(cached_labels(sources, decoder, tmp_path / "cache", num_workers=0))[0] == [1, 2, 3, 4, 5, 6]
    assert decoder.calls == 4
    assert not list((tmp_path / "cache").rglob("*.tmp"))
