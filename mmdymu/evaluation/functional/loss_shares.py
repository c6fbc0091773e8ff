"""How well losses follow a preference."""

from __future__ import annotations

import numpy as np

from .arrays import Floats, Numbers, as_array

__all__ = ["uniformity"]


def uniformity(preference: Numbers, losses: Numbers) -> float:
    """One minus the Kullback-Leibler divergence of the weighted losses' shares from equal shares.

    q_j = r_j L_j / Σ r_i L_i and μ = 1 − Σ q_j ln(N q_j), with 0 ln 0 = 0: DYMU (CVPR 2022), section 4. A network
    that follows its preference has low losses where the preference is high, so that all products are equal.

    Args:
        preference: (N,), weights of the tasks, >= 0; they need not sum to one.
        losses: (N,), >= 0, any units that make them comparable.

    Returns:
        At most 1, where all products are equal; at least 1 − ln N, where one product is all.

    Raises:
        ValueError: If lengths differ, a number is negative or not finite, or every product is 0.
    """
    weights, values = as_array(preference), as_array(losses)
    if weights.ndim != 1 or weights.shape != values.shape:
        raise ValueError(
            f"uniformity: preference {weights.shape} and losses {values.shape} do not fit; pass (N,) and (N,)"
        )
    for name, numbers in (("preference", weights), ("losses", values)):
        _check_numbers(name, numbers)
    products = weights * values
    if not products.sum() > 0:
        raise ValueError(
            f"uniformity: preference {weights.tolist()} times losses {values.tolist()} is 0 for every task, "
            "so that there are no shares"
        )
    shares = products[products > 0] / products.sum()
    return float(1 - (shares * np.log(len(weights) * shares)).sum())


def _check_numbers(name: str, numbers: Floats) -> None:
    bad = ~np.isfinite(numbers) | (numbers < 0)
    if bad.any():
        index = int(bad.argmax())
        raise ValueError(f"uniformity: {name}[{index}] is {numbers[index]}, allowed are finite numbers >= 0")
