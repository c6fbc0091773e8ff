from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import LoadAnnotations
from test_datasets.dataset_files import LOAD, write_image

from mmdymu.datasets import MultiTaskWrapper

STORED = np.array([[0, 1, 2, 3], [255, 254, 3, 0]], np.uint8)


def write(root: Path) -> dict[str, Any]:
    """Two images in a folder of their own, class maps with another ending, and depth."""
    for name in ("city/a", "city/b"):
        write_image(root / "leftImg8bit" / f"{name}_left.png", np.zeros((2, 4, 3), np.uint8))
        write_image(root / "gtFine" / f"{name}_ids.png", STORED)
        write_image(root / "depth" / f"{name}.png", np.full((2, 4), 50, np.uint8))
    return {
        "type": "mmseg.BaseSegDataset",
        "data_root": str(root),
        "data_prefix": {"img_path": "leftImg8bit", "seg_map_path": "gtFine"},
        "img_suffix": "_left.png",
        "seg_map_suffix": "_ids.png",
        "metainfo": {"classes": ("road", "wall", "sky", "car"), "palette": [[0, 0, i] for i in range(4)]},
    }


DEPTH = {"depth": {"kind": "depth", "scale": 0.1}}


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("classes", [("road", "wall", "sky", "car"), ("car", "road")])
def test_labels_are_those_that_mmseg_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zero: bool, classes: tuple[str, ...]
) -> None:
    config = write(tmp_path)
    write_image(tmp_path / "gtFine" / "city/a_ids.png", np.where(STORED == 254, 255, STORED).astype(np.uint8))
    monkeypatch.setattr(BaseSegDataset, "METAINFO", {"classes": ("road", "wall", "sky", "car")})
    config |= {"reduce_zero_label": zero, "metainfo": {"classes": classes}}
    dataset = MultiTaskWrapper(config, DEPTH, pipeline=LOAD)
    plain = dataset.wrapped
    expected = LoadAnnotations(reduce_zero_label=zero)(plain.get_data_info(0))["gt_seg_map"]

    item = dataset[0]

    assert (item["gt_semseg"] == expected).all()
    np.testing.assert_allclose(item["gt_depth"], 5.0)
    assert dataset.metainfo["tasks"]["semseg"]["classes"] == classes
    assert dataset.tasks == ("semseg", "depth")


def test_the_name_palette_and_ids_of_the_wrapped_data_set(tmp_path: Path) -> None:
    dataset = MultiTaskWrapper(write(tmp_path), DEPTH, name="scene")
    assert len(dataset) == 2
    assert dataset.metainfo["tasks"]["scene"]["palette"] == [[0, 0, i] for i in range(4)]
    info = dataset.get_data_info(1)
    assert info["label_paths"]["scene"].endswith("gtFine/city/b_ids.png")
    assert info["label_paths"]["depth"].endswith("depth/city/b.png")


def test_added_labels_may_lie_elsewhere_or_be_missing(tmp_path: Path) -> None:
    config = write(tmp_path / "set")
    (tmp_path / "set" / "depth").rename(tmp_path / "depth")
    (tmp_path / "depth" / "city" / "b.png").unlink()
    with pytest.raises(FileNotFoundError, match="image 'city/b' has no label for task 'depth'"):
        MultiTaskWrapper(config, DEPTH, data_root=str(tmp_path))
    dataset = MultiTaskWrapper(
        config, {"depth": {**DEPTH["depth"], "optional": True}}, data_root=str(tmp_path), pipeline=LOAD
    )
    assert [bool(dataset.get_data_info(i)["label_paths"]["depth"]) for i in range(2)] == [True, False]


def test_refuses_what_cannot_work(tmp_path: Path) -> None:
    config = write(tmp_path)
    with pytest.raises(ValueError, match="name='depth'"):
        MultiTaskWrapper(config, DEPTH, name="depth")
    with pytest.raises(ValueError, match="no class names"):
        MultiTaskWrapper({**config, "metainfo": None}, DEPTH)
    with pytest.raises(TypeError, match="ScenesDataset"):
        MultiTaskWrapper({"type": "mmdymu.ScenesDataset", "length": 1, "lazy_init": True}, DEPTH)
    (tmp_path / "gtFine" / "city" / "a_ids.png").unlink()
    with pytest.raises(FileNotFoundError, match="no label for task 'semseg'"):
        MultiTaskWrapper(config, DEPTH)
    with pytest.raises(FileNotFoundError, match="label folder of task 'normals'"):
        MultiTaskWrapper(config, {"normals": {"kind": "normals"}})
