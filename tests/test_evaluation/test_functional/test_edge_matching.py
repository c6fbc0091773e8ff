"""Matches against brute force, a KD-tree with another algorithm, and the benchmark's own matcher."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree

from mmdymu.evaluation.functional import label_boundaries, match_edges, thin_edges
from mmdymu.evaluation.functional.edge_matching import EdgeMatcher


def brute_force(pred: np.ndarray, target: np.ndarray, radius: float) -> int:
    """The best of all ways to give every prediction a label of its own or none."""
    labels = [tuple(place) for place in np.argwhere(target)]
    near = [[k for k, g in enumerate(labels) if math.dist(p, g) <= radius] for p in np.argwhere(pred)]
    choices = product(*[[None, *ks] for ks in near])
    taken = ([k for k in choice if k is not None] for choice in choices)
    return max(len(ks) for ks in taken if len(ks) == len(set(ks)))


def regions(seed: int, shape: tuple[int, int], wobble: float = 0.0) -> np.ndarray:
    """A map of random regions; ``wobble`` moves its borders by about so many pixels."""
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal((3, *shape)), (0, 6, 6))
    shift = gaussian_filter(np.random.default_rng(seed + 1).standard_normal((2, *shape)), (0, 3, 3))
    places = np.mgrid[: shape[0], : shape[1]] + wobble * shift / shift.std()
    return np.stack([map_coordinates(layer, places, order=1, mode="nearest") for layer in noise]).argmax(axis=0)


def edges(seed: int, shape: tuple[int, int], wobble: float = 0.0) -> np.ndarray:
    return thin_edges(label_boundaries(regions(seed, shape, wobble)))


@pytest.mark.parametrize("seed", range(20))
def test_equals_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pred, target = (np.isin(np.arange(30).reshape(5, 6), rng.choice(30, n, replace=False)) for n in (5, 6))
    radius = rng.choice([0, 1, 1.5, 2.3])
    share = (radius + 1e-9) / math.hypot(5, 6)
    assert match_edges(pred, target, share) == brute_force(pred, target, radius + 1e-9)


@pytest.mark.parametrize("share", [0.0, 0.0075, 0.011, 0.03])
def test_equals_another_graph_and_another_algorithm(share: float) -> None:
    pred, target = edges(0, (120, 160), wobble=2.5), edges(0, (120, 160))
    trees = [cKDTree(np.argwhere(mask)) for mask in (pred, target)]
    graph = trees[0].sparse_distance_matrix(trees[1], share * 200, output_type="coo_matrix").tocsr()
    graph.data[:] = 1  # Distance 0 is an edge as well.
    expected = np.count_nonzero(maximum_bipartite_matching(graph, perm_type="column") >= 0)
    assert match_edges(pred, target, share) == expected
    assert 0.02 * target.sum() < expected < target.sum()


def test_a_greedy_choice_would_miss_one() -> None:
    """Two predictions, two labels; the middle label is nearest to both predictions."""
    pred, target = np.zeros((2, 1, 9), bool)
    pred[0, [3, 5]], target[0, [0, 4]] = True, True
    assert match_edges(pred, target, 3 / 9) == 2
    assert match_edges(pred, target, 2 / 9) == 1


def test_a_label_is_matched_once_and_the_radius_belongs_to_it() -> None:
    pred, target = np.zeros((2, 3, 4), bool)
    pred[:, 0], target[1, 3] = True, True  # 3 pixels away; the diagonal is 5.
    pred[1, 2] = True
    assert match_edges(pred, target, 0.6) == 1
    pred[1, 2] = False
    assert match_edges(pred, target, 0.6) == 1
    assert match_edges(pred, target, 0.59) == 0


def test_symmetry_and_bounds() -> None:
    pred, target = edges(3, (60, 80), wobble=2), edges(3, (60, 80))
    count = match_edges(pred, target)
    assert match_edges(target, pred) == count <= min(pred.sum(), target.sum())
    assert match_edges(target, target) == target.sum()
    counts = [match_edges(pred, target, share) for share in (0, 0.01, 0.02, 0.05, 0.2)]
    assert counts == sorted(counts)


def test_mirrored_images_match_alike() -> None:
    pred, target = edges(5, (50, 70), wobble=2), edges(5, (50, 70))
    assert len({match_edges(pred[::a, ::b], target[::a, ::b]) for a in (1, -1) for b in (1, -1)}) == 1


def test_nothing_matches_nothing() -> None:
    none, some = np.zeros((8, 9), bool), np.eye(8, 9, dtype=bool)
    assert [match_edges(a, b) for a, b in ((none, some), (some, none), (none, none))] == [0, 0, 0]


@pytest.mark.parametrize("share", [0.0075, 0.02])
def test_any_start_leads_to_a_largest_matching(share: float) -> None:
    target = edges(0, (60, 80))
    matcher, matching = EdgeMatcher(target, share), None
    for pred in (edges(0, (60, 80), 1), edges(0, (60, 80), 2), edges(9, (60, 80)), np.zeros((60, 80), bool), target):
        matching = matcher.match(pred, start=matching)
        assert np.count_nonzero(matching >= 0) == match_edges(pred, target, share)
    assert matcher.total == target.sum() > 0


def test_a_matching_is_one_to_one_within_the_radius() -> None:
    pred, target, radius = edges(0, (60, 80), 2), edges(0, (60, 80)), 4
    matcher = EdgeMatcher(target, radius / 100)
    matching = matcher.match(pred, start=matcher.match(edges(0, (60, 80), 1)))
    labels = np.argwhere(target)[matching >= 0]
    partners = np.stack(np.divmod(matching[matching >= 0], 80 + 2 * radius), axis=1) - radius
    assert len({tuple(place) for place in partners.tolist()}) == len(partners) > 100
    assert pred[tuple(partners.T)].all()
    assert np.hypot(*(labels - partners).T).max() <= radius


def test_wrong_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"\(4, 5\).*\(5, 4\)"):
        match_edges(np.zeros((4, 5)), np.zeros((5, 4)))
    for share in (-0.1, 1.0, 4.7, math.nan):
        with pytest.raises(ValueError, match=rf"max_distance={share} .*share of the image's diagonal"):
            match_edges(np.zeros((4, 5)), np.zeros((4, 5)), share)


def test_agrees_with_the_matcher_of_the_benchmark() -> None:
    """It adds random links to pixels without a partner and so finds a few matches less."""
    oracle = pytest.importorskip("pyEdgeEval._lib.correspond_pixels").correspond_pixels
    for seed in range(20):
        target, pred = (edges(2 * seed, (80, 110), wobble) for wobble in (0.0, 1.5 + seed / 10))
        theirs = np.count_nonzero(oracle(pred.astype(float), target.astype(float), 0.011, 100.0)[0])
        assert theirs <= match_edges(pred, target, 0.011) <= 1.003 * theirs + 1
        assert theirs > 100
