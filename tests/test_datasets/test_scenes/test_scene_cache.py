from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from mmdymu.datasets.caching import locking, parallel
from mmdymu.datasets.scenes import SceneSeries, cache, cached_series, render_scene
from mmdymu.datasets.scenes.cache import IMAGE_FOLDER

SERIES = SceneSeries(length=40, height=12, width=16, seed=2)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def fill(cache_dir: Path, answers: Any) -> None:
    rendered = []
    real = render_scene
    cache.render_scene = lambda *arguments: rendered.append(1) or real(*arguments)  # type: ignore[assignment]
    folder = cached_series(SERIES, cache_dir, num_workers=0)
    answers.put((folder.name, len(rendered), len(contents(folder))))


def test_one_process_and_many_write_the_same_files(tmp_path: Path) -> None:
    alone = contents(cached_series(SERIES, tmp_path / "a", num_workers=0))
    together = contents(cached_series(SERIES, tmp_path / "b", num_workers=2))
    assert len(alone) == 7 * 40
    assert alone == together


def test_two_processes_at_once_render_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    processes = [context.Process(target=fill, args=(tmp_path, answers)) for _ in range(2)]
    for process in processes:
        process.start()
    results = [answers.get(timeout=30) for _ in processes]
    for process in processes:
        process.join()
    assert {name for name, _, _ in results} == {SERIES.folder_name}
    assert sorted(rendered for _, rendered, _ in results) == [0, 40]
    assert {files for _, _, files in results} == {280}
    assert not list(tmp_path.glob("*.tmp-*"))


def test_a_ready_series_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cached_series(SERIES, tmp_path, num_workers=0)
    monkeypatch.setattr(cache, "render_scene", lambda *_: pytest.fail("rendered again"))
    assert cached_series(SERIES, tmp_path) == folder


def test_a_failed_run_leaves_nothing_and_the_next_one_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_late(seed: int, index: int, height: int, width: int) -> dict[str, Any]:
        if index == 30:
            raise OSError("disk full")
        return render_scene(seed, index, height, width)

    with monkeypatch.context() as patch:
        patch.setattr(cache, "render_scene", fail_late)
        with pytest.raises(OSError, match="disk full"):
            cached_series(SERIES, tmp_path, num_workers=0)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    assert len(contents(cached_series(SERIES, tmp_path, num_workers=0))) == 280


def test_a_dead_worker_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "render_scene", lambda *_: os._exit(3))
    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr(parallel.multiprocessing, "get_context", lambda: fork)
    with pytest.raises(RuntimeError, match="num_workers=0"):
        cached_series(SERIES, tmp_path, num_workers=2)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    leftover = tmp_path / f"{SERIES.folder_name}.tmp-abc"
    other = tmp_path / "else.tmp-abc"
    for folder in (leftover, other):
        (folder / IMAGE_FOLDER).mkdir(parents=True)
    cached_series(SERIES, tmp_path, num_workers=0)
    assert not leftover.exists()
    assert other.exists()


def test_works_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "fcntl", None)
    assert len(contents(cached_series(SERIES, tmp_path, num_workers=0))) == 280


def test_name_covers_all_that_shapes_a_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        SceneSeries(length, height, width, seed).folder_name
        for length, height, width, seed in [
            (4, 8, 8, 0),
            (5, 8, 8, 0),
            (4, 9, 8, 0),
            (4, 8, 9, 0),
            (4, 8, 8, 1),
        ]
    }
    monkeypatch.setattr(cache, "GENERATOR_VERSION", -1)
    names.add(SceneSeries(4, 8, 8, 0).folder_name)
    assert len(names) == 6
