"""Every ablation differs from the config that it takes something from in just that, and it makes a difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from mmdymu import Preference
from mmdymu.engine.loops import build_stages
from mmdymu.models.losses import active_loss, inactive_loss
from mmdymu.registry import MODELS

CONFIGS = Path(__file__).parents[1] / "configs"
TASKS = ("semseg", "depth", "normals")
EDGES, WEIGHTS = "train_cfg.stages.edges.objective.", "train_cfg.stages.weights"
REGULARIZER = f"{EDGES}regularizer."
UNWEIGHTED = {f"{REGULARIZER}depth_weighting": False, f"{REGULARIZER}use_affinity": False}
#: What each config changes, by its base and the rest of its name.
CHANGES: dict[tuple[str, str], dict[str, Any]] = {
    ("nyud_mbv2", "no_inactive"): {f"{REGULARIZER}lambda_inactive": 0.0},
    ("nyud_mbv2", "dirichlet_02"): {
        f"{EDGES}concentrations": (0.2,), f"{WEIGHTS}.objective.concentrations": (0.2,)
    },
    ("nyud_mbv2", "dirichlet_1"): {
        f"{EDGES}concentrations": (1.0,), f"{WEIGHTS}.objective.concentrations": (1.0,)
    },
    ("nyud_mbv2", "batch_statistics"): {f"{WEIGHTS}.objective.statistics": "batch"},
    ("nyud_mbv2", "no_weight_hypernet"): {"model.weight_hypernet": None, WEIGHTS: None},
    ("nyud_mbv2", "tau_06"): {f"{REGULARIZER}active_fraction": 0.6},
    ("nyud_mbv2", "linear_price"): {f"{REGULARIZER}cost_power": 1.0},
    ("nyud_mbv2", "even_entropy"): {f"{EDGES}entropy_power": 1.0},
    ("nyud_mbv2_active", "tau_03"): {f"{REGULARIZER}active_fraction": 0.3},
    ("nyud_mbv2_active", "tau_10"): {f"{REGULARIZER}active_fraction": 1.0},
    ("nyud_mbv2_active", "tau_15"): {f"{REGULARIZER}active_fraction": 1.5},
    ("nyud_mbv2_active", "no_inactive"): {f"{REGULARIZER}lambda_inactive": 0.0},
    ("nyud_mbv2_active", "unweighted"): UNWEIGHTED,
    ("nyud_mbv2_active", "all_active"): {f"{REGULARIZER}active_fraction": 0.0},
    ("nyud_mbv2_paper", "no_inactive"): {f"{REGULARIZER}lambda_inactive": 0.0},
    ("nyud_mbv2_paper", "unweighted"): UNWEIGHTED,
    ("nyud_mbv2_paper", "all_active"): {f"{REGULARIZER}active_fraction": 0.0},
}  # fmt: skip


def load(base: str, change: str | None = None) -> Config:
    return Config.fromfile(
        CONFIGS / ("ablations" if change else "dymu") / f"{'_'.join(filter(None, (base, change)))}.py"
    )


def differences(first: Any, second: Any, path: str = "") -> dict[str, Any]:
    """Entries of the second config, by dotted name, that the first has not or has otherwise."""
    if not isinstance(first, dict) or not isinstance(second, dict):
        return {} if first == second else {path.removeprefix("."): second}
    found: dict[str, Any] = {}
    for key in {*first, *second}:
        found |= differences(first.get(key, "missing"), second.get(key, "missing"), f"{path}.{key}")
    return found


def test_every_ablation_is_listed() -> None:
    assert {path.stem for path in (CONFIGS / "ablations").glob("*.py")} == {"_".join(names) for names in CHANGES}


@pytest.mark.parametrize(("base", "change"), CHANGES)
def test_an_ablation_changes_what_its_name_says(base: str, change: str) -> None:
    expected = CHANGES[base, change]
    assert differences(load(base).to_dict(), load(base, change).to_dict()) == expected


@pytest.mark.parametrize(("base", "change"), CHANGES)
def test_an_ablation_builds(base: str, change: str) -> None:
    config = load(base, change)
    init_default_scope(config.default_scope)
    stages = build_stages(config.train_cfg.stages)
    names = {stage.name for stage in stages} - {"trunk"}
    has_weights = config.train_cfg.stages.weights is not None
    assert names == {"anchor", "edges", *(["weights"] if has_weights else [])}
    assert {"nyud_mbv2_active": False}.get(base, change != "no_weight_hypernet") == has_weights


def test_without_a_weight_hypernet_norms_are_the_anchors() -> None:
    config = load("nyud_mbv2", "no_weight_hypernet")
    init_default_scope(config.default_scope)
    model = MODELS.build(config.model)
    preference = Preference(TASKS, (0.6, 0.3, 0.1), 0.5)
    assert model.weight_hypernet is None
    assert model.norm_states(preference, model.predict_tree(preference)) == {}
    assert not [name for name, _ in model.named_parameters() if "weight_hypernet" in name]


def step() -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Eight random decisions under preferences of all kinds, an affinity and equal costs."""
    generator = torch.Generator().manual_seed(0)
    probs = torch.randn(8, 8, 3, 3, generator=generator).softmax(-1)
    rng = np.random.default_rng(0)
    weights = torch.tensor(np.concatenate([rng.dirichlet([a] * 3, 4) for a in (0.2, 1.0)])).float()
    return probs, weights, torch.full((8,), 0.5), torch.rand(3, 3, generator=generator), torch.ones(8, 3)


def terms(base: str, change: str | None = None) -> dict[str, Tensor]:
    config = load(base, change)
    init_default_scope(config.default_scope)
    return MODELS.build(config.train_cfg.stages.edges.objective.regularizer)(*step())


@pytest.mark.parametrize("base", ["nyud_mbv2", "nyud_mbv2_active", "nyud_mbv2_paper"])
def test_l_inactive_vanishes(base: str) -> None:
    before, after = terms(base), terms(base, "no_inactive")
    assert (before["loss_inactive"] > 0).any()
    assert not after["loss_inactive"].any()
    assert all(torch.equal(before[name], after[name]) for name in ("loss_active", "loss_cost"))


@pytest.mark.parametrize(
    ("base", "factor", "options"),
    [
        ("nyud_mbv2_active", 1.2, {"usage_level": "child", "normalize": True}),
        ("nyud_mbv2_paper", 1.0, {"usage_level": "parent", "normalize": False}),
    ],
)
def test_l_active_loses_its_weights(base: str, factor: float, options: dict[str, Any]) -> None:
    probs, weights, cost_weight, _, _ = step()
    active = torch.tensor([Preference.parse(row.tolist(), tasks=TASKS).active() for row in weights])
    plain = factor * cost_weight * active_loss(probs, active, torch.ones(3, 3), depth_weighting=False, **options)
    before, after = terms(base), terms(base, "unweighted")
    assert torch.allclose(after["loss_active"], plain)
    paired = active.sum(-1) > 1
    assert paired.any()
    assert (after["loss_active"] > before["loss_active"])[paired].all()
    assert torch.equal(before["loss_inactive"], after["loss_inactive"])


@pytest.mark.parametrize("base", ["nyud_mbv2_active", "nyud_mbv2_paper"])
def test_all_tasks_are_active(base: str) -> None:
    after = terms(base, "all_active")
    assert not after["loss_inactive"].any()
    assert (after["loss_active"] > 0).all()
    assert (terms(base)["loss_active"] == 0).any(), "otherwise a task is alone"


@pytest.mark.parametrize(("change", "fraction"), [("tau_03", 0.3), ("tau_10", 1.0), ("tau_15", 1.5)])
def test_the_threshold_moves(change: str, fraction: float) -> None:
    probs, weights, cost_weight, affinity, _ = step()
    rows = weights.tolist()
    active = torch.tensor([[w >= min(fraction / 3, max(row)) - 1e-6 for w in row] for row in rows])
    usual = torch.tensor([[w >= min(0.6 / 3, max(row)) - 1e-6 for w in row] for row in rows])
    assert not torch.equal(active, usual)
    found = terms("nyud_mbv2_active", change)
    assert torch.allclose(found["loss_active"], 1.2 * cost_weight * active_loss(probs, active, affinity))
    assert torch.allclose(found["loss_inactive"], 0.005 * inactive_loss(probs, active))


@pytest.mark.parametrize(("change", "largest"), [("dirichlet_02", 0.820), ("dirichlet_1", 11 / 18), (None, 0.716)])
def test_preferences_are_drawn_as_the_name_says(change: str | None, largest: float) -> None:
    config = load("nyud_mbv2", change)
    init_default_scope(config.default_scope)
    for stage in build_stages(config.train_cfg.stages):
        if stage.name in ("edges", "weights"):
            rng = np.random.default_rng(0)
            drawn = [p for _ in range(1500) for p in stage.objective.preferences(TASKS, rng)][:1500]
            assert np.mean([max(preference.weights) for preference in drawn]) == pytest.approx(largest, abs=0.02)
