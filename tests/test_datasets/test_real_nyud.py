"""Only with real frames: set MMDYMU_DATA_ROOT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine import Config

from mmdymu.registry import DATASETS

CONFIG = Path(__file__).parents[2] / "configs" / "_base_" / "datasets" / "nyud_256.py"


@pytest.mark.parametrize(("loader", "length", "size"), [("train", 795, (128, 168)), ("test", 500, (256, 336))])
def test_frames(loader: str, length: int, size: tuple[int, int], data_root: Path) -> None:
    if not (data_root / "nyuv2_256").is_dir():
        pytest.skip("MMDYMU_DATA_ROOT has no nyuv2_256")
    dataset = DATASETS.build(Config.fromfile(CONFIG)[f"{loader}_dataloader"].dataset)
    assert len(dataset) == length
    for index in range(0, length, length // 10):
        samples = dataset[index]["data_samples"]
        labels = samples.get("semseg").gt_sem_seg.data.numpy()
        depth = samples.get("depth").gt_depth_map.data.numpy()
        normals = samples.get("normals").gt_normals.data.numpy()
        assert labels.shape == depth.shape == (1, *size) and normals.shape == (3, *size)
        assert set(np.unique(labels)) <= {*range(13), 255}
        assert depth.min() > 0.3 and depth.max() < 10.1
        lengths = np.linalg.norm(normals, axis=0)
        assert (np.isclose(lengths, 1, atol=1e-4) | (lengths == 0)).all()
        assert normals[2].mean() > 0.2  # surfaces face the camera
