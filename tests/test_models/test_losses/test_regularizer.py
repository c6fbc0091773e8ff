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
    with pytest.raises(ValueError, match="usage_level"):
        BranchingRegularizedLoss(usage_level="heads")  # type: ignore[arg-type]


def test_the_settings_show() -> None:
    assert "lambda_cost=0.5" in repr(BranchingRegularizedLoss(lambda_cost=0.5))
