"""EPO's weights against plain solutions."""

from __future__ import annotations

import numpy as np
import pytest

from mmdymu.engine.objectives.epo import BALANCED, epo_weights, non_uniformity

HALF = np.array([0.5, 0.5])


def random_gram(rng: np.random.Generator, count: int) -> np.ndarray:
    gradients = rng.standard_normal((count, count + 2)) * 10 ** rng.uniform(-3, 3)
    return gradients @ gradients.T


def plain(losses: np.ndarray, gram: np.ndarray, weights: np.ndarray, alpha: np.ndarray) -> tuple[bool, float]:
    """Whether α keeps the constraints, and its objective; entry by entry."""
    m = len(losses)
    q = weights * losses / (weights * losses).sum()
    mu = sum(q[i] * np.log(m * q[i]) for i in range(m) if q[i] > 0)
    a = np.array([weights[i] * (np.log(m * q[i]) - mu) if q[i] > 0 else 0.0 for i in range(m)])
    ca = np.array([sum(gram[i, j] * a[j] for j in range(m)) for i in range(m)])
    rise = np.array([sum(gram[i, j] * alpha[j] for j in range(m)) for i in range(m)])
    slack = 1e-6 * np.abs(gram).max()
    if mu <= BALANCED:
        kept = (rise >= -slack).all() and alpha @ ca >= -max(0.0, -ca.max()) - slack
        return bool(kept), float(rise.sum())
    floor = np.where(ca > 0, -np.inf, ca) if (ca > 0).any() else np.zeros(m)
    if (ca > 0).any():
        floor[weights * losses == (weights * losses).max()] = 0
    return bool((rise >= floor - slack).all()), float(alpha @ ca)


def test_orthogonal_gradients_lower_the_larger_loss() -> None:
    assert epo_weights(np.array([2.0, 1.0]), np.eye(2), HALF) == pytest.approx([1, 0])
    assert epo_weights(np.array([1.0, 3.0]), np.eye(2), HALF) == pytest.approx([0, 1])


def test_a_preference_decides_which_loss_is_the_larger() -> None:
    assert epo_weights(np.array([2.0, 1.0]), np.eye(2), np.array([0.2, 0.8])) == pytest.approx([0, 1])


def test_the_smaller_loss_may_rise_no_faster_than_balance_asks() -> None:
    gram = np.array([[1.0, -0.5], [-0.5, 1.0]])
    mu = 2 / 3 * np.log(4 / 3) + 1 / 3 * np.log(2 / 3)
    a = 0.5 * (np.log([4 / 3, 2 / 3]) - mu)
    # α = (t, 1 − t): −t/2 + 1 − t = (Ca)_2
    t = (1 - (gram @ a)[1]) / 1.5
    assert epo_weights(np.array([2.0, 1.0]), gram, HALF) == pytest.approx([t, 1 - t])


def test_balanced_losses_descend_together() -> None:
    gram = np.array([[4.0, -1.0], [-1.0, 1.0]])
    # Σ_i (Cα)_i = 3t, largest where the second loss just does not rise: −t + 1 − t = 0
    assert epo_weights(np.array([1.0, 1.0]), gram, HALF) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("seed", range(20))
def test_two_tasks_equal_a_search_over_all_weights(seed: int) -> None:
    rng = np.random.default_rng(seed)
    losses, gram, weights = rng.uniform(0.1, 2, 2), random_gram(rng, 2), rng.dirichlet([1, 1])
    if seed % 3 == 0:
        losses = 1 / weights  # balanced
    found = epo_weights(losses, gram, weights)
    tried = [plain(losses, gram, weights, np.array([t, 1 - t])) for t in np.linspace(0, 1, 4001)]
    feasible, value = plain(losses, gram, weights, found)
    assert feasible
    best = max(objective for kept, objective in tried if kept)
    assert value == pytest.approx(best, abs=2e-3 * np.abs(gram).max())


@pytest.mark.parametrize("count", [1, 3, 6, 20])
def test_weights_keep_the_constraints(count: int) -> None:
    rng = np.random.default_rng(count)
    for balanced in (False, True):
        weights, gram = rng.dirichlet(np.ones(count)), random_gram(rng, count)
        losses = 1 / weights if balanced else rng.uniform(0.1, 2, count)
        found = epo_weights(losses, gram, weights)
        assert found.shape == (count,)
        assert (found >= 0).all()
        assert found.sum() == pytest.approx(1)
        assert plain(losses, gram, weights, found)[0]


def test_its_steps_lead_to_the_front_where_weighted_losses_are_equal() -> None:
    """Squared distances to two points: the front is the segment between them."""
    ends, weights, x = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0.8, 0.2]), np.array([0.3, 0.9])
    for _ in range(150):
        gradients = 2 * (x - ends)
        losses = ((x - ends) ** 2).sum(axis=1)
        x = x - 0.05 * 2 * epo_weights(losses, gradients @ gradients.T, weights) @ gradients
    # 0.8 s² = 0.2 (1 − s)²
    assert x == pytest.approx([1 / 3, 0], abs=0.02)


def test_a_task_of_no_weight_or_no_loss() -> None:
    for losses, weights in ((np.array([1.0, 2.0]), np.array([1.0, 0.0])), (np.array([1.0, 0.0]), HALF)):
        mu, direction = non_uniformity(losses, weights)
        assert mu == pytest.approx(np.log(2))
        assert direction == pytest.approx([0, 0])
        assert np.isfinite(epo_weights(losses, np.eye(2), weights)).all()


@pytest.mark.parametrize(
    ("losses", "gram"),
    [
        ([1.0, 1.0], [[-1.0, -1.0], [-1.0, -1.0]]),
        ([1.0, 2.0], [[np.nan, 0], [0, 1.0]]),
        ([1.0, np.inf], [[1.0, 0], [0, 1.0]]),
        ([0.0, 0.0], [[1.0, 0], [0, 1.0]]),
        ([1.0, 1.0], [[0.0, 0.0], [0.0, 0.0]]),
    ],
    ids=["infeasible", "gradients", "losses", "solved", "flat"],
)
def test_falls_back_to_the_preference(losses: list[float], gram: list[list[float]]) -> None:
    assert epo_weights(np.array(losses), np.array(gram), np.array([1.0, 3.0])) == pytest.approx([0.25, 0.75])
