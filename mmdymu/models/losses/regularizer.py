"""The regularisers of edge hypernet training, weighted."""

from __future__ import annotations

from typing import get_args

from torch import Tensor, nn

from mmdymu.preference import ACTIVE_FRACTION
from mmdymu.registry import MODELS

from .functional import UsageLevel, active_loss, active_tasks, inactive_loss
from .usage import expected_share

__all__ = ["BranchingRegularizedLoss"]


@MODELS.register_module()
class BranchingRegularizedLoss(nn.Module):
    """What keeps trees small: c * lambda_A * L_active, lambda_I * L_inactive and c^p * lambda_C * E[share].

    The first two are the paper's (section 4.3; lambdas 1 and 0.1 on undivided sums, parent level). The last,
    the expected cost of the tree, is ours.

    Args:
        lambda_active: Of the pull between active tasks; scaled by the cost weight.
        lambda_inactive: Of the pull of inactive tasks towards active ones.
        lambda_cost: Of the expected controllable share; scaled by the cost weight to the power of ``cost_power``.
        cost_power: p. Where separate layers gain little, a price that rises with c itself (1) is above that gain for
            most of [0, 1]; with 2 the share falls more evenly.
        usage_level: See :func:`active_loss`.
        normalize: Divide by the numbers of ordered active pairs and of inactive tasks.
        active_fraction: N times the threshold tau from which on a task is active. The most preferred tasks always
            are; 0 makes all tasks active, so that L_inactive is 0.
        depth_weighting: False leaves (L - l) / L out of L_active.
        use_affinity: False leaves A(i, j) out of L_active.

    Raises:
        ValueError: If a lambda or ``active_fraction`` is negative or not finite, ``cost_power`` is not positive and
            finite, or ``usage_level`` is unknown.
    """

    def __init__(
        self,
        lambda_active: float = 1.2,
        lambda_inactive: float = 0.04,
        lambda_cost: float = 0.0,
        usage_level: UsageLevel = "child",
        normalize: bool = True,
        active_fraction: float = ACTIVE_FRACTION,
        depth_weighting: bool = True,
        use_affinity: bool = True,
        cost_power: float = 1.0,
    ) -> None:
        super().__init__()
        self.lambda_active = _check_number("lambda_active", lambda_active)
        self.lambda_inactive = _check_number("lambda_inactive", lambda_inactive)
        self.lambda_cost = _check_number("lambda_cost", lambda_cost)
        self.active_fraction = _check_number("active_fraction", active_fraction)
        if not 0 < cost_power < float("inf"):
            raise ValueError(
                f"cost_power must be positive and finite, got {cost_power!r}: 1 lets the price rise with c"
            )
        self.cost_power = cost_power
        if usage_level not in get_args(UsageLevel):
            raise ValueError(f"usage_level must be one of {get_args(UsageLevel)}, got {usage_level!r}")
        self.usage_level: UsageLevel = usage_level
        self.normalize = normalize
        self.depth_weighting, self.use_affinity = depth_weighting, use_affinity

    def forward(
        self, edge_probs: Tensor, weights: Tensor, cost_weight: Tensor, affinity: Tensor, node_costs: Tensor
    ) -> dict[str, Tensor]:
        """Compute the weighted terms.

        Args:
            edge_probs: (B, L, N, N) = (layer, child, parent), rows sum to 1.
            weights: (B, N), preferences on the simplex.
            cost_weight: (B,) in [0, 1].
            affinity: (N, N), see :func:`rsa_affinity`.
            node_costs: (L, N), what each node costs, for example multiply-adds.

        Returns:
            ``loss_active``, ``loss_inactive`` and ``loss_cost``, each (B,) and zero where its lambda is.
        """
        active = active_tasks(weights, self.active_fraction / weights.shape[-1])
        zero = edge_probs.new_zeros(edge_probs.shape[:-3])
        terms = {"loss_active": zero, "loss_inactive": zero, "loss_cost": zero}
        if self.lambda_active:
            pull = active_loss(
                edge_probs,
                active,
                affinity if self.use_affinity else None,
                usage_level=self.usage_level,
                normalize=self.normalize,
                depth_weighting=self.depth_weighting,
            )
            terms["loss_active"] = self.lambda_active * cost_weight * pull
        if self.lambda_inactive:
            pull = inactive_loss(edge_probs, active, normalize=self.normalize)
            terms["loss_inactive"] = self.lambda_inactive * pull
        if self.lambda_cost:
            price = self.lambda_cost * cost_weight**self.cost_power
            terms["loss_cost"] = price * expected_share(edge_probs, node_costs)
        return terms

    def extra_repr(self) -> str:
        """Show the settings."""
        return (
            f"lambda_active={self.lambda_active}, lambda_inactive={self.lambda_inactive}, "
            f"lambda_cost={self.lambda_cost}, usage_level={self.usage_level!r}, normalize={self.normalize}, "
            f"active_fraction={self.active_fraction}, depth_weighting={self.depth_weighting}, "
            f"use_affinity={self.use_affinity}, cost_power={self.cost_power}"
        )


def _check_number(name: str, value: float) -> float:
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name} must be finite and non-negative, got {value!r}")
    return value
