from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from mmdymu import BranchingTree, Preference
from mmdymu.engine.objectives.affinity import anchor_affinity
from mmdymu.models import ControllableSegmentor

TASKS = ("semseg", "depth")


@pytest.fixture
def model() -> ControllableSegmentor:
    return tiny.build_model(TASKS, stream=tiny.SHORT).eval()


def usage(probs: Any, layers: int, tasks: int) -> list[list[float]]:
    use = [[0.0] * tasks for _ in range(layers)] + [[1.0] * tasks]
    for layer in range(layers - 1, -1, -1):
        for i in range(tasks):
            unused = 1.0
            for k in range(tasks):
                unused *= 1 - use[layer + 1][k] * probs[layer][k][i]
            use[layer][i] = 1 - unused
    return use


def plain_loss(model: ControllableSegmentor, preference: Preference, affinity: Any, share: float) -> float:
    """Method notes, section 3, by loops; the settings of :func:`tiny.edge_objective`."""
    probs = model.edge_logits([preference])[0].softmax(-1).tolist()
    layers, tasks = len(probs), len(probs[0])
    r, c = preference.weights, preference.cost_weight
    total = 0.0
    for j in range(tasks):
        expected = 0.0
        for index in np.ndindex(*(tasks,) * layers):
            chance, child = 1.0, j
            for layer in range(layers - 1, -1, -1):
                chance *= probs[layer][child][index[layer]]
                child = index[layer]
            expected += chance * float(model.path_losses[(j, *index)])
        total += r[j] * float(model.loss_scale[j]) * expected
    active = [i for i in range(tasks) if r[i] >= 0.6 / tasks - 1e-6]
    inactive = [i for i in range(tasks) if i not in active]
    use = usage(probs, layers, tasks)

    def distance(layer: int, i: int, j: int) -> float:
        return sum((probs[layer][i][k] - probs[layer][j][k]) ** 2 for k in range(tasks))

    pull, pairs = 0.0, len(active) * (len(active) - 1)
    for layer in range(layers):
        for i in active:
            for j in active:
                if i != j:
                    use_both = use[layer + 1][i] * use[layer + 1][j]
                    pull += (layers - 1 - layer) / layers * float(affinity[i][j]) * use_both * distance(layer, i, j)
        for j in inactive:
            total += 0.04 * min(distance(layer, i, j) for i in active) / len(inactive)
    total += 0.5 * c * pull / max(pairs, 1)
    return total + 0.3 * c * share


def monte_carlo_share(model: ControllableSegmentor, preference: Preference) -> float:
    """Mean share over all trees, one by one."""
    probs = model.edge_logits([preference])[0].softmax(-1).tolist()
    layers, tasks = len(probs), len(probs[0])
    mean = 0.0
    for choice in np.ndindex(*(tasks,) * (layers * tasks)):
        parents = np.array(choice).reshape(layers, tasks).tolist()
        chance = math.prod(probs[la][j][parents[la][j]] for la in range(layers) for j in range(tasks))
        mean += chance * model.complexity.share(BranchingTree(tuple(map(tuple, parents))))
    return mean


@torch.no_grad()
@pytest.mark.parametrize(("weights", "cost_weight"), [((0.5, 0.5), 0.7), ((0.9, 0.1), 0.4), ((0.3, 0.7), 0.0)])
def test_the_loss_is_that_of_the_method(
    model: ControllableSegmentor, weights: tuple[float, float], cost_weight: float
) -> None:
    edges = tiny.build_edge_objective()
    edges.prepare(model, tiny.frames(TASKS), resumed=False)
    preference = Preference(TASKS, weights, cost_weight)
    losses = edges.losses(model, preferences=[preference], step=0, progress=0.0, inputs=None, data_samples=None)
    share = monte_carlo_share(model, preference)
    expected = plain_loss(model, preference, model.affinity, share)
    assert float(sum(value for name, value in losses.items() if "loss" in name)) == pytest.approx(expected, rel=1e-4)
    assert float(losses["share"]) == pytest.approx(share, rel=1e-4)


@torch.no_grad()
def test_preferences_of_a_step_are_averaged(model: ControllableSegmentor) -> None:
    edges = tiny.build_edge_objective()
    edges.prepare(model, tiny.frames(TASKS), resumed=False)
    preferences = edges.preferences(TASKS, np.random.default_rng(0))
    assert len(preferences) == 16
    options = {"step": 0, "progress": 0.0, "inputs": None, "data_samples": None}
    single = [edges.losses(model, preferences=[preference], **options) for preference in preferences]
    together = edges.losses(model, preferences=preferences, **options)
    for name, value in together.items():
        assert float(value) == pytest.approx(float(torch.stack([losses[name] for losses in single]).mean()), rel=1e-4)


@torch.no_grad()
def test_scale_and_single_losses(model: ControllableSegmentor) -> None:
    edges = tiny.build_edge_objective(images=3)
    edges.prepare(model, tiny.frames(TASKS), resumed=False)
    single = torch.stack([model.path_losses[0, 0, 0, 0], model.path_losses[1, 1, 1, 1]])
    assert torch.allclose(model.loss_scale * single, torch.ones(2))
    fixed = tiny.build_edge_objective(loss_weights={"depth": 3.0, "semseg": 0.5})
    fixed.prepare(model, tiny.frames(TASKS), resumed=False)
    assert model.loss_scale.tolist() == [0.5, 3.0]


@torch.no_grad()
def test_certain_decisions_lose_through_images_what_their_tree_loses(model: ControllableSegmentor) -> None:
    edges = tiny.build_edge_objective(source="images", preferences_per_step=2)
    edges.prepare(model, tiny.frames(TASKS), resumed=False)
    model.begin_stage(edges)
    (batch,) = tiny.frames(TASKS).batches(model)
    tree = BranchingTree(((1, 1), (1, 0), (0, 1)))
    head = model.edge_hypernet.logits
    head.weight.zero_()
    head.bias.copy_(1e4 * torch.tensor(tree.to_edges()).flatten())
    preferences = [Preference(TASKS, (0.2, 0.8), 0.0), Preference(TASKS, (0.7, 0.3), 1.0)]
    losses = edges.losses(
        model, preferences=preferences, step=0, progress=0.0, inputs=batch.inputs, data_samples=batch.data_samples
    )
    expected = 0.0
    for index, preference in enumerate(preferences):
        part = slice(2 * index, 2 * index + 2)
        outputs = model.run_tree(batch.inputs[part], tree)
        single, _ = model.task_losses(outputs, batch.data_samples[part])
        expected += float((torch.tensor(preference.weights) * model.loss_scale * single).sum()) / 2
    assert float(losses["loss_tasks"]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("tasks", [TASKS, tiny.TASKS])
def test_affinity_is_symmetric_only_in_what_it_compares(tasks: tuple[str, ...]) -> None:
    model = tiny.build_model(tasks, stream=tiny.SHORT).eval()
    batches = tiny.frames(tasks).batches(model)
    affinity = anchor_affinity(model, batches)
    assert affinity.shape == (len(tasks), len(tasks))
    assert torch.allclose(affinity.diagonal(), torch.ones(len(tasks)), atol=1e-5)
    split = anchor_affinity(model, tiny.frames(tasks).batches(model, batch_size=1))
    assert torch.allclose(affinity, split, atol=1e-4)
    if len(tasks) == 2:  # Row scaling would leave nothing but zeros beside the diagonal.
        assert float(affinity[0, 1]) > 0


def test_temperature_falls_in_steps(model: ControllableSegmentor, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def sampled(logits: Tensor, tau: float) -> Tensor:
        seen.append(tau)
        return logits.softmax(-1)

    monkeypatch.setattr(F, "gumbel_softmax", sampled)
    edges = tiny.build_edge_objective(decisions="gumbel")
    edges.prepare(model, tiny.frames(TASKS), resumed=False)
    for step in (0, 299, 300, 899, 900):
        edges.losses(
            model, preferences=[Preference.uniform(TASKS)], step=step, progress=0.0, inputs=None, data_samples=None
        )
    assert seen == pytest.approx([5.0, 5.0, 5.0 * 0.97, 5.0 * 0.97**2, 5.0 * 0.97**3])


def test_gradients_reach_the_whole_hypernet(model: ControllableSegmentor) -> None:
    for decisions in ("expected", "gumbel"):
        edges = tiny.build_edge_objective(decisions=decisions)
        edges.prepare(model, tiny.frames(TASKS), resumed=False)
        model.begin_stage(edges)
        preferences = edges.preferences(TASKS, np.random.default_rng(0))
        losses = edges.losses(model, preferences=preferences, step=0, progress=0.0, inputs=None, data_samples=None)
        model.zero_grad()
        sum(value for name, value in losses.items() if "loss" in name).backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in model.edge_hypernet.parameters())
        assert all(parameter.grad is None for parameter in model.backbone.parameters())


def test_preferences_depend_on_seed_stage_and_iteration_only(tmp_path: Path) -> None:
    def preferences(seed: int, name: str, folder: str, others: bool) -> list[list[Preference]]:
        stage = {**tiny.stage_config("edges", iters=3, param_scheduler=[]), "name": name}
        stages = [tiny.stage_config("anchor"), stage] if others else [stage]
        changes = {"train_cfg": tiny.train_cfg(*stages), "randomness": {"seed": seed}}
        runner = tiny.build_runner(tmp_path / folder, model=tiny.model_config(stream=tiny.SHORT), **changes)
        runner.train_loop  # noqa: B018 (is built)
        collected = []
        chosen = runner.train_loop.stages[-1].objective
        draw = chosen.preferences

        def collect(*args: Any) -> list[Preference]:
            collected.append(draw(*args))
            return collected[-1]

        chosen.preferences = collect
        runner.train()
        return collected

    alone = preferences(0, "edges", "a", others=False)
    assert preferences(0, "edges", "b", others=True) == alone
    assert preferences(1, "edges", "c", others=False) != alone
    assert preferences(0, "later", "d", others=False) != alone
    assert len(set(map(str, alone))) == 3


@pytest.mark.parametrize("settings", [{}, {"entropy_power": 3.0}])
def test_entropy_holds_decisions_open_and_falls_to_nothing(
    model: ControllableSegmentor, settings: dict[str, float]
) -> None:
    edges = tiny.build_edge_objective(entropy=0.3, **settings)
    edges.prepare(model, tiny.frames(TASKS), resumed=False)
    preferences = [Preference.uniform(TASKS), Preference.parse([1, 0], tasks=TASKS)]
    probs = model.edge_logits(preferences).softmax(-1).detach().numpy().astype(float)
    plain = sum(-p * np.log(p) for p in probs.flatten()) / len(preferences)

    for progress in (0.0, 0.75, 1.0):
        losses = edges.losses(model, preferences=preferences, step=0, progress=progress, inputs=None, data_samples=None)
        left = (1 - progress) ** settings.get("entropy_power", 1.0)
        assert losses["loss_entropy"].item() == pytest.approx(-0.3 * left * plain, rel=1e-5)


@pytest.mark.parametrize("power", [0.0, -1.0, float("nan"), float("inf")])
def test_an_entropy_that_does_not_fall_is_refused(power: float) -> None:
    with pytest.raises(ValueError, match=f"entropy_power={power} must be positive and finite"):
        tiny.build_edge_objective(entropy_power=power)


def test_mixed_precision_does_not_blur_the_table(model: ControllableSegmentor) -> None:
    edges = tiny.build_edge_objective()
    edges.prepare(model, tiny.frames(TASKS), resumed=False)
    batch = {"preferences": [Preference(TASKS, (0.7, 0.3), 0.5)], "step": 0, "progress": 0.0}
    exact = edges.losses(model, **batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = edges.losses(model, **batch)
    assert all(torch.equal(exact[name], mixed[name]) for name in exact)
