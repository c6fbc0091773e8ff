from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_datasets.dataset_files import LOAD

from mmdymu.datasets import ScenesDataset
from mmdymu.datasets.scenes import SCENE_TASKS, SEMSEG_CLASSES, render_scene
from mmdymu.registry import DATASETS


def scenes(cache: Path, **options: Any) -> ScenesDataset:
    return ScenesDataset(
        **{"length": 3, "size": (24, 32), "seed": 4, "cache_dir": str(cache), "pipeline": LOAD, **options}
    )


def test_what_is_loaded_is_what_was_rendered(tmp_path: Path) -> None:
    dataset = scenes(tmp_path, tasks=tuple(SCENE_TASKS))
    assert len(dataset) == 3
    for index in range(3):
        item, rendered = dataset[index], render_scene(4, index, 24, 32)
        assert (item["img"] == rendered["img"]).all()
        for task in ("semseg", "edges", "saliency", "parts"):
            assert (item[f"gt_{task}"] == rendered[task]).all()
        np.testing.assert_allclose(item["gt_depth"], rendered["depth"], atol=0.5 / 4000 + 1e-6)
        np.testing.assert_allclose(item["gt_normals"], rendered["normals"], atol=5e-5)


def test_metainfo_follows_the_wanted_tasks(tmp_path: Path) -> None:
    dataset = DATASETS.build(
        {
            "type": "mmdymu.ScenesDataset",
            "tasks": ["depth", "semseg"],
            "cache_dir": str(tmp_path),
            "lazy_init": True,
        }
    )
    assert dataset.tasks == tuple(dataset.metainfo["tasks"]) == ("depth", "semseg")
    assert dataset.metainfo["tasks"]["semseg"]["classes"] == SEMSEG_CLASSES
    assert not list(tmp_path.iterdir())


def test_default_cache_is_set_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMDYMU_CACHE", str(tmp_path))
    assert ScenesDataset(lazy_init=True).cache_dir == tmp_path / "scenes"
    monkeypatch.delenv("MMDYMU_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert ScenesDataset(lazy_init=True).cache_dir == tmp_path / "xdg" / "mmdymu" / "scenes"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tasks": ("semseg", "flow")}, "flow.*semseg, depth"),
        ({"tasks": "depth"}, "known tasks"),
        ({"tasks": ()}, "tasks is empty"),
        ({"length": 0}, "length=0"),
        ({"size": (24,)}, "size="),
        ({"size": (24, 1.5)}, "size="),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_wrong_arguments(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        scenes(tmp_path, **options)
