from __future__ import annotations

import numpy as np
import pytest
from test_datasets.plane import NORMAL, fitted_normal, plane_depth, plane_results

from mmdymu.datasets import MultiTaskRandomFlip


@pytest.mark.parametrize(
    ("direction", "signs"), [("horizontal", (-1, 1, 1)), ("vertical", (1, -1, 1)), ("diagonal", (-1, -1, 1))]
)
def test_mirrored_plane(direction: str, signs: tuple[int, ...]) -> None:
    results = MultiTaskRandomFlip(prob=1.0, direction=direction)(plane_results())
    expected = NORMAL * signs
    np.testing.assert_allclose(results["gt_normals"], np.broadcast_to(expected, (32, 48, 3)), rtol=1e-6)
    np.testing.assert_allclose(results["gt_depth"], plane_depth(40, 32, 48, expected), rtol=1e-5)
    np.testing.assert_allclose(fitted_normal(results["gt_depth"], 40.0), expected, atol=1e-4)
    assert results["flip"] and results["flip_direction"] == direction


def test_image_and_labels_move_together() -> None:
    results = MultiTaskRandomFlip(prob=1.0)(plane_results())
    assert (results["img"][..., 0] == results["gt_semseg"]).all()
    assert results["gt_semseg"][0].tolist() == list(range(48))[::-1]


def test_no_flip_changes_nothing() -> None:
    before, after = plane_results(), MultiTaskRandomFlip(prob=0.0)(plane_results())
    assert all((before[key] == after[key]).all() for key in ("img", *before["seg_fields"]))
    assert after["flip"] is False


def test_draws_from_the_global_generator() -> None:
    flip = MultiTaskRandomFlip(prob=0.5)
    drawn = []
    for _ in range(2):
        np.random.seed(3)
        drawn.append([flip(plane_results())["flip"] for _ in range(20)])
    assert drawn[0] == drawn[1]
    assert 0 < sum(drawn[0]) < 20


@pytest.mark.parametrize("options", [{"direction": "sideways"}, {"prob": 1.5}])
def test_wrong_arguments(options: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        MultiTaskRandomFlip(**options)
