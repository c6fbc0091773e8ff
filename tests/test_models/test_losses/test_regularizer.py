from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmdymu.models.losses import BranchingRegularizedLoss, active_loss, expected_share, inactive_loss
from mmdymu.preference import Preference
from mmdymu.registry import MODELS


def batch(tasks: int = 3, layers: int = 4) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(tasks)
    probs = torch.randn(5, layers, tasks, tasks, generator=generator).softmax(dim=-1).requires_grad_()
    weights = torch.rand(5, tasks, generator=generator)
    weights = weights / weights.sum(dim=-1, keepdim=True)
    affinity = torch.rand(tasks, tasks, generator=generator)
    return probs, weights, torch.linspace(0, 1, 5), affinity, torch.ones(layers, tasks)


@pytest.mark.parametrize("tasks", [2, 3, 5, 20])
@pytest.mark.parametrize("normalize", [True, False])
def test_terms_are_the_weighted_functions(tasks: int, normalize: bool) -> None:
    probs, weights, cost_weight, affinity, costs = batch(tasks)
    loss = MODELS.build(
        dict(
            type="BranchingRegularizedLoss",
            lambda_active=0.2,
            lambda_inactive=0.02,
            lambda_cost=0.5,
            usage_level="parent",
            normalize=normalize,
        )
    )
    terms = loss(probs, weights, cost_weight, affinity, costs)
    names = [f"task{i}" for i in range(tasks)]
    active = torch.tensor([Preference.parse(row.tolist(), tasks=names).active() for row in weights])
    pull = active_loss(probs, active, affinity, usage_level="parent", normalize=normalize)
    assert torch.allclose(terms["loss_active"], 0.2 * cost_weight * pull)
    assert torch.allclose(terms["loss_inactive"], 0.02 * inactive_loss(probs, active, normalize=normalize))
    assert torch.allclose(terms["loss_cost"], 0.5 * cost_weight * expected_share(probs, costs))
    assert all(term.shape == (5,) for term in terms.values())
    sum(terms.values()).sum().backward()
    assert probs.grad is not None
    assert torch.isfinite(probs.grad).all()


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0, 1.5])
def test_the_active_fraction_is_n_times_the_threshold(fraction: float) -> None:
    probs, weights, cost_weight, affinity, costs = batch()
    terms = BranchingRegularizedLoss(active_fraction=fraction)(probs, weights, cost_weight, affinity, costs)
    active = []
    for row in weights.tolist():
        limit = min(fraction / len(row), max(row)) - 1e-6
        active.append([weight >= limit for weight in row])
    flags = torch.tensor(active)
    assert torch.allclose(terms["loss_active"], 1.2 * cost_weight * active_loss(probs, flags, affinity))
    assert torch.allclose(terms["loss_inactive"], 0.04 * inactive_loss(probs, flags))
    assert bool(flags.all()) == (fraction == 0.0) == bool((terms["loss_inactive"] == 0).all())


@pytest.mark.parametrize("depth_weighting", [True, False])
@pytest.mark.parametrize("use_affinity", [True, False])
def test_weights_of_l_active_are_left_out(depth_weighting: bool, use_affinity: bool) -> None:
    probs, weights, cost_weight, affinity, costs = batch()
    loss = BranchingRegularizedLoss(depth_weighting=depth_weighting, use_affinity=use_affinity)
    found = loss(probs, weights, cost_weight, affinity, costs)["loss_active"]
    active = torch.tensor([Preference.parse(row.tolist(), tasks=("a", "b", "c")).active() for row in weights])
    alike = affinity if use_affinity else torch.ones(3, 3)
    pull = active_loss(probs, active, alike, depth_weighting=depth_weighting)
    assert torch.allclose(found, 1.2 * cost_weight * pull)
    default = BranchingRegularizedLoss()(probs, weights, cost_weight, affinity, costs)["loss_active"]
    assert torch.allclose(found, default) == (depth_weighting and use_affinity)


def test_the_price_of_compute_rises_with_a_power_of_c() -> None:
    probs, weights, _, affinity, costs = batch()
    cost_weight = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    terms = BranchingRegularizedLoss(lambda_cost=0.5, cost_power=2.0)(probs, weights, cost_weight, affinity, costs)
    prices = torch.tensor([0.0, 0.03125, 0.125, 0.28125, 0.5])
    assert torch.allclose(terms["loss_cost"], prices * expected_share(probs, costs))
    linear = BranchingRegularizedLoss(lambda_cost=0.5)(probs, weights, cost_weight, affinity, costs)
    assert all(torch.equal(terms[name], linear[name]) for name in ("loss_active", "loss_inactive"))


def test_terms_without_weight_are_zero() -> None:
    loss = BranchingRegularizedLoss(lambda_active=0, lambda_inactive=0, lambda_cost=0)
    terms = loss(*batch())
    assert set(terms) == {"loss_active", "loss_inactive", "loss_cost"}
    assert all(torch.equal(term, torch.zeros(5)) for term in terms.values())


def test_bad_settings_are_named() -> None:
    with pytest.raises(ValueError, match="lambda_inactive"):
        BranchingRegularizedLoss(lambda_inactive=-1)
    with pytest.raises(ValueError, match="lambda_cost"):
        BranchingRegularizedLoss(lambda_cost=float("nan"))
    with pytest.raises(ValueError, match=r"active_fraction must be finite and non-negative, got -0\.6"):
        BranchingRegularizedLoss(active_fraction=-0.6)
    for power in (-2, 0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"cost_power must be positive and finite, got {power}"):
            BranchingRegularizedLoss(cost_power=power)
    with pytest.raises(ValueError, match="usage_level"):
        BranchingRegularizedLoss(usage_level="heads")  # type: ignore[arg-type]


def test_the_settings_show() -> None:
    shown = repr(BranchingRegularizedLoss(lambda_cost=0.5, depth_weighting=False, use_affinity=False))
    assert "lambda_cost=0.5" in shown
    assert "active_fraction=0.6, depth_weighting=False, use_affinity=False, cost_power=1.0" in shown
