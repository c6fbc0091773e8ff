from __future__ import annotations

import numpy as np

from mmdymu.visualization.sweep.front import competing_pairs, non_dominated


def test_the_front_is_what_a_plain_comparison_leaves() -> None:
    rng = np.random.default_rng(0)
    points = rng.integers(0, 6, (40, 2)).astype(float)
    for higher in ((False, False), (True, False), (True, True)):
        signs = [-1 if up else 1 for up in higher]
        expected = []
        for own in points:
            beaten = False
            for other in points:
                pairs = [(s * a, s * b) for s, a, b in zip(signs, other, own, strict=True)]
                if all(a <= b for a, b in pairs) and any(a < b for a, b in pairs):
                    beaten = True
            expected.append(not beaten)
        assert non_dominated(points, higher).tolist() == expected


def test_unknown_points_are_not_in_the_front_and_beat_nobody() -> None:
    points = np.array([[np.nan, 0.0], [1.0, 1.0], [2.0, 2.0]])
    assert non_dominated(points, (False, False)).tolist() == [False, True, False]


def test_equal_points_are_all_in_the_front() -> None:
    assert non_dominated(np.ones((3, 2)), (False, False)).all()


def test_pairs_that_compete_come_first() -> None:
    t = np.linspace(0, 1, 9)
    values = np.stack([t, 1 - t, t + 0.01 * t**2, np.full(9, np.nan)], axis=1)
    assert competing_pairs(values, 2) == [(0, 1), (1, 2)]
    assert competing_pairs(values, 99) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
