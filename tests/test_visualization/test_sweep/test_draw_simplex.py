from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mmdymu.visualization.sweep import MissingPartError, SweepRecord, draw_simplex
from mmdymu.visualization.sweep.simplex import to_plane, to_weights


def test_corners_centre_and_sides() -> None:
    corners = to_plane(np.eye(3))
    sides = [np.linalg.norm(corners[i] - corners[j]) for i, j in ((0, 1), (1, 2), (0, 2))]
    np.testing.assert_allclose(sides, 1)
    np.testing.assert_allclose(to_plane(np.full((1, 3), 1 / 3))[0], corners.mean(axis=0))
    np.testing.assert_allclose(to_plane(np.array([[0.5, 0.5, 0]]))[0], (corners[0] + corners[1]) / 2)


def test_weights_come_back_from_the_plane() -> None:
    weights = np.random.default_rng(0).dirichlet([1, 1, 1], 20)
    np.testing.assert_allclose(to_weights(to_plane(weights)), weights, atol=1e-12)
    assert to_weights(np.array([[-0.1, 0.0]])).min() < 0


def test_numbers_of_contours_lie_inside(sweep_of: Callable[..., SweepRecord]) -> None:
    for axes in draw_simplex(sweep_of(3)).axes[:-1]:
        places = [text.get_position() for text in axes.texts if not text.get_text().startswith("only")]
        assert not places or to_weights(np.array(places)).min() > 0.06


def test_one_triangle_per_cost_weight_with_one_colour_scale(sweep_of: Callable[..., SweepRecord]) -> None:
    figure = draw_simplex(sweep_of(3))
    *panels, bar = figure.axes
    assert [axes.get_title() for axes in panels] == ["c = 0", "c = 0.5", "c = 1"]
    for axes in panels:
        corners = [text.get_text() for text in axes.texts if text.get_text().startswith("only")]
        assert corners == ["only\nsemseg", "only\ndepth", "only\nnormals"]
    scales = {(axes.collections[0].norm.vmin, axes.collections[0].norm.vmax) for axes in panels}
    assert len(scales) == 1
    assert "controllable share s" in bar.get_ylabel()


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0, 1.0 + 1e-9])
def test_a_plateau_is_filled(sweep_of: Callable[..., SweepRecord], share: float) -> None:
    sweep = sweep_of(3, cost_weights=[0.0])
    grid = sweep.summary.simplex
    assert grid is not None
    flat = replace(grid, share=((share,) * len(grid.weights),))
    figure = draw_simplex(replace(sweep, summary=replace(sweep.summary, simplex=flat)))
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())
    x, y = figure.axes[0].transData.transform(to_plane(np.array([[0.35, 0.36, 0.29]])))[0]
    assert (pixels[pixels.shape[0] - round(y), round(x), :3] < 250).any()


def test_unknown_shares_stay_empty_and_others_are_drawn(sweep_of: Callable[..., SweepRecord]) -> None:
    sweep = sweep_of(3)
    grid = sweep.summary.simplex
    assert grid is not None
    holes = replace(grid, share=tuple((float("nan"), *row[1:]) for row in grid.share))
    draw_simplex(replace(sweep, summary=replace(sweep.summary, simplex=holes))).draw_without_rendering()
    nothing = replace(grid, share=tuple((float("nan"),) * len(row) for row in grid.share))
    with pytest.raises(MissingPartError, match="no share on the grid"):
        draw_simplex(replace(sweep, summary=replace(sweep.summary, simplex=nothing)))
