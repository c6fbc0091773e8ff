"""What a sweep found, as summary.json has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from mmdymu.tree import BranchingTree

from .fields import Fields

__all__ = [
    "Band",
    "ControlRange",
    "CostCurve",
    "CostWeightRow",
    "MarginalCurve",
    "SimplexShares",
    "SweepSummary",
    "TreeView",
    "parse_summary",
]

Part = TypeVar("Part")


@dataclass(frozen=True)
class CostWeightRow:
    """Means over the preferences at one cost weight; NaN where a value is not known.

    ``hypervolume`` and its N-th root are by reference point, ``brackets`` (mean rL at equal share) by choice;
    ``mean_flops`` are multiply-adds per image.
    """

    cost_weight: float
    mean_share: float
    mean_flops: float
    mean_params: float
    hypervolume: Mapping[str, float]
    hypervolume_root: Mapping[str, float]
    uniformity: float
    weighted_loss: float
    brackets: Mapping[str, float]
    delta_m: float


@dataclass(frozen=True)
class Band:
    """Mean, 10 % and 90 % quantile, one number per cost weight."""

    mean: tuple[float, ...]
    p10: tuple[float, ...]
    p90: tuple[float, ...]


@dataclass(frozen=True)
class CostCurve:
    """Resource use over the cost weight, over many preferences."""

    preferences: int
    cost_weights: tuple[float, ...]
    share: Band
    flops: Band
    params: Band


@dataclass(frozen=True)
class SimplexShares:
    """Share on a grid over the simplex of three tasks: ``share[c][k]`` belongs to ``weights[k]``."""

    weights: tuple[tuple[float, ...], ...]
    cost_weights: tuple[float, ...]
    share: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class TreeView:
    """The tree of a preference with a name."""

    name: str
    weights: tuple[float, ...]
    cost_weight: float
    tree: BranchingTree
    share: float
    flops: float


@dataclass(frozen=True)
class MarginalCurve:
    """A task's normalised loss over its own weight, in bins: mean weight, mean loss and number of runs."""

    cost_weight: float
    weight: tuple[float, ...]
    loss: tuple[float, ...]
    count: tuple[int, ...]


@dataclass(frozen=True)
class ControlRange:
    """Lowest and highest normalised loss of a task at one cost weight."""

    cost_weight: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class SweepSummary:
    """Everything in summary.json but its header; parts that the sweep does not have are None or empty."""

    by_cost_weight: tuple[CostWeightRow, ...]
    cost_curve: CostCurve | None
    simplex: SimplexShares | None
    trees: tuple[TreeView, ...]
    marginal: Mapping[str, tuple[MarginalCurve, ...]]
    control_range: Mapping[str, tuple[ControlRange, ...]]
    controller: Mapping[str, float]


def parse_summary(fields: Fields, num_tasks: int) -> SweepSummary:
    """Check the content of summary.json.

    Args:
        fields: The whole file.
        num_tasks: N.

    Returns:
        The summary.

    Raises:
        ValueError: If something has the wrong form; the message names it.
    """
    return SweepSummary(
        by_cost_weight=tuple(map(_row, fields.children("by_cost_weight"))),
        cost_curve=_cost_curve(fields.child("cost_curve")) if fields.has("cost_curve") else None,
        simplex=_simplex(fields.child("simplex")) if fields.has("simplex") else None,
        trees=tuple(_tree(item, num_tasks) for item in fields.children("trees")) if fields.has("trees") else (),
        marginal=_by_task(fields, "marginal", _marginal),
        control_range=_by_task(fields, "control_range", _range),
        controller=fields.numbers_by_name("controller") if fields.has("controller") else {},
    )


def _by_task(fields: Fields, name: str, parse: Callable[[Fields], Part]) -> dict[str, tuple[Part, ...]]:
    if not fields.has(name):
        return {}
    part = fields.child(name)
    return {task: tuple(map(parse, part.children(task))) for task in part.data}


def _row(item: Fields) -> CostWeightRow:
    return CostWeightRow(
        cost_weight=item.number("cost_weight"),
        mean_share=item.optional("mean_share"),
        mean_flops=item.optional("mean_flops"),
        mean_params=item.optional("mean_params"),
        hypervolume=item.numbers_by_name("hypervolume") if item.has("hypervolume") else {},
        hypervolume_root=item.numbers_by_name("hypervolume_root") if item.has("hypervolume_root") else {},
        uniformity=item.optional("uniformity"),
        weighted_loss=item.optional("weighted_loss"),
        brackets=item.numbers_by_name("brackets") if item.has("brackets") else {},
        delta_m=item.optional("delta_m"),
    )


def _cost_curve(item: Fields) -> CostCurve:
    cost_weights = item.numbers("cost_weights")

    def band(name: str) -> Band:
        part = item.child(name)
        return Band(*(part.numbers(key, len(cost_weights)) for key in ("mean", "p10", "p90")))

    return CostCurve(item.integer("preferences"), cost_weights, band("share"), band("flops"), band("params"))


def _simplex(item: Fields) -> SimplexShares:
    points = item.items("weights")
    weights = tuple(Fields({"weights": row}, item.where).numbers("weights", 3) for row in points)
    cost_weights = item.numbers("cost_weights")
    rows = item.items("share")
    share = tuple(Fields({"share": row}, item.where).numbers("share", len(weights)) for row in rows)
    if len(share) != len(cost_weights):
        raise ValueError(f"{item.where}: 'share' must have one row per cost weight {cost_weights}, got {len(share)}")
    return SimplexShares(weights, cost_weights, share)


def _tree(item: Fields, num_tasks: int) -> TreeView:
    return TreeView(
        name=item.text("name"),
        weights=item.numbers("weights", num_tasks),
        cost_weight=item.number("cost_weight"),
        tree=item.tree("parents", num_tasks),
        share=item.optional("share"),
        flops=item.optional("flops"),
    )


def _marginal(item: Fields) -> MarginalCurve:
    bins = item.children("bins")
    return MarginalCurve(
        cost_weight=item.number("cost_weight"),
        weight=tuple(part.number("weight") for part in bins),
        loss=tuple(part.number("loss") for part in bins),
        count=tuple(part.integer("count") for part in bins),
    )


def _range(item: Fields) -> ControlRange:
    return ControlRange(item.number("cost_weight"), item.optional("lowest"), item.optional("highest"))
