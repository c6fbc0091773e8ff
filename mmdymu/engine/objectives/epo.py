"""Exact Pareto optimal weights of task losses: one small linear program."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.special import xlogy

__all__ = ["epo_weights", "non_uniformity"]

Floats = NDArray[np.float64]

BALANCED = 1e-4
"""Largest μ at which weighted losses count as equal."""


def epo_weights(losses: Floats, gram: Floats, weights: Floats) -> Floats:
    """Weights α of the losses whose joint step Σ α_i ∇l_i leads to the Pareto front at r_1 l_1 = … = r_m l_m.

    Mahapatra and Rajan, "Multi-Task Learning with User Preferences" (ICML 2020), as Navon et al. use it in PHN. With
    C = G Gᵀ and a, μ of :func:`non_uniformity`::

        μ > 1e-4 (balance):  max αᵀCa      s.t. (Cα)_i ≥ (Ca)_i where (Ca)_i ≤ 0, but ≥ 0 for the largest r_i l_i
                             (with no positive (Ca)_i: Cα ≥ 0)
        else (descent):      max Σ_i (Cα)_i  s.t. Cα ≥ 0, αᵀCa ≥ min(0, max_i (Ca)_i)

    both with α ≥ 0, Σα = 1.

    Args:
        losses: (m,), not negative.
        gram: (m, m), C: inner products of the losses' gradients.
        weights: (m,), r, not negative, with a positive sum.

    Returns:
        (m,), not negative, sum 1; r / Σr where the program has no solution.
    """
    fallback = weights / weights.sum()
    scale = np.abs(gram).max()
    if not (np.isfinite(scale) and np.isfinite(losses).all() and scale > 0 and weights @ losses > 0):
        return fallback
    # The solver's tolerances are absolute, and C's scale changes nothing.
    program = _program(losses, gram / scale, weights)
    solution = linprog(**program, A_eq=np.ones((1, len(losses))), b_eq=[1.0], bounds=(0, None), method="highs")
    if solution.status != 0:
        return fallback
    found = np.clip(solution.x, 0, None)
    return found / found.sum()


def non_uniformity(losses: Floats, weights: Floats) -> tuple[float, Floats]:
    """How unequal the weighted losses are, and the direction that makes them more equal.

    Args:
        losses: (m,), not negative.
        weights: (m,), r.

    Returns:
        With q_i = r_i l_i / Σ: μ = Σ_i q_i ln(m q_i), 0 for equal ones, at most ln m; and (m,)
        a_i = r_i (ln(m q_i) − μ), 0 for a task with r_i l_i = 0, its limit for r_i → 0.
    """
    shares = weights * losses / (weights @ losses)
    mu = float(xlogy(shares, len(shares) * shares).sum())
    logs = np.log(len(shares) * shares, out=np.full_like(shares, mu), where=shares > 0)
    return mu, weights * (logs - mu)


def _program(losses: Floats, gram: Floats, weights: Floats) -> dict[str, Floats]:
    """Costs c and constraints A_ub α ≤ b_ub, as :func:`scipy.optimize.linprog` minimises."""
    mu, direction = non_uniformity(losses, weights)
    balancing = gram @ direction
    zeros = np.zeros_like(losses)
    if mu <= BALANCED:
        bound = min(0.0, float(balancing.max()))
        return {
            "c": -gram.sum(axis=0),
            "A_ub": -np.vstack([gram, balancing]),
            "b_ub": -np.append(zeros, bound),
        }
    positive = balancing > 0
    largest = weights * losses == (weights * losses).max()
    floor = np.where(largest, 0.0, balancing) if positive.any() else zeros
    # A loss along whose descent balance grows anyway may rise, unless it is the largest.
    held = largest | ~positive | (not positive.any())
    return {"c": -balancing, "A_ub": -gram[held], "b_ub": -floor[held]}
