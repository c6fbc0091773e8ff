from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_datasets.plane import plane_results

from mmdymu.datasets import MultiTaskRandomCrop


def halves() -> dict[str, Any]:
    """The left three quarters are class 1, the rest is class 2."""
    results = plane_results()
    results["gt_semseg"][:] = 1
    results["gt_semseg"][:, 36:] = 2
    return results


def largest_share(labels: np.ndarray) -> float:
    counts = np.unique(labels[labels != 255], return_counts=True)[1]
    return counts.max() / counts.sum()


def test_crops_image_and_labels_alike() -> None:
    results = MultiTaskRandomCrop((10, 12))(plane_results())
    assert results["img"].shape == (10, 12, 3)
    assert (results["img"][..., 0] == results["gt_semseg"]).all()
    assert results["gt_depth"].shape == (10, 12)
    assert results["gt_normals"].shape == (10, 12, 3)


def test_one_class_does_not_fill_the_crop() -> None:
    np.random.seed(0)
    limited = [largest_share(MultiTaskRandomCrop((16, 16), 0.75, "semseg")(halves())["gt_semseg"]) for _ in range(200)]
    free = [largest_share(MultiTaskRandomCrop((16, 16))(halves())["gt_semseg"]) for _ in range(200)]
    assert np.mean(np.array(free) >= 0.75) > 0.5
    assert np.mean(np.array(limited) >= 0.75) < 0.1


def test_ignored_pixels_do_not_count() -> None:
    results = halves()
    results["gt_semseg"][:, :24] = 255
    share = largest_share(MultiTaskRandomCrop((32, 48), 0.75, "semseg")(results)["gt_semseg"])
    assert share == 0.5


def test_a_small_image_keeps_its_size() -> None:
    assert MultiTaskRandomCrop((64, 40), 0.75, "semseg")(halves())["img"].shape == (32, 40, 3)


def test_refuses_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="needs task"):
        MultiTaskRandomCrop((8, 8), 0.75)
    with pytest.raises(ValueError, match=r"cat_max_ratio=1\.5"):
        MultiTaskRandomCrop((8, 8), 1.5, "semseg")
    with pytest.raises(KeyError, match="task 'parts'"):
        MultiTaskRandomCrop((8, 8), 0.75, "parts")(halves())
