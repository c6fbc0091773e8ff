"""Training of one tree: which parameters learn, from which loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import tiny_classes
import torch
from torch import Tensor

from mmdymu import Preference
from mmdymu.engine import Batch, TreeObjective
from mmdymu.engine.objectives.epo import epo_weights
from mmdymu.models import ControllableNet

SCALE = {"semseg": 1.0, "depth": 2.0, "normals": 0.5}
ASKED = Preference(tiny.TASKS, (0.5, 0.3, 0.2), 0.4)
HYPERNETS: dict[str, Any] = {
    "static": None,
    "phn_bn": {"type": "mmdymu.WeightHypernet"},
    "phn": {"type": "mmdymu.ChunkedHypernet", "hidden": 20},
}
OWNED = {
    "static": ("backbone.streams.0.", "heads."),
    "phn_bn": ("backbone.streams.0.", "heads.", "weight_hypernet."),
    "phn": ("weight_hypernet.",),
}


def build(kind: str = "static", tree: Any = "shared", **changes: Any) -> ControllableNet:
    edges = {"type": "mmdymu.FixedEdges", "tree": tree}
    return tiny.build_model(stream=tiny.SHORT, edge_hypernet=edges, weight_hypernet=HYPERNETS[kind], **changes)


def begin(model: ControllableNet, **options: Any) -> TreeObjective:
    objective = TreeObjective(loss_weights=SCALE, **options)
    objective.prepare(model, tiny.frames(), resumed=False)
    model.begin_stage(objective)
    return objective


def batch_of(model: ControllableNet) -> Batch:
    (batch,) = tiny.frames().batches(model)
    return batch


def loss_of(objective: TreeObjective, model: ControllableNet, preference: Preference = ASKED) -> Tensor:
    batch = batch_of(model)
    torch.manual_seed(0)  # dropout
    found = objective.losses(model, preferences=[preference], inputs=batch.inputs, data_samples=batch.data_samples)
    return found["loss_tasks"]


def plain_losses(model: ControllableNet) -> Tensor:
    """(N,) losses of all heads on the first stream."""
    batch = batch_of(model)
    torch.manual_seed(0)
    features = model.backbone.streams[0](batch.inputs)
    return model.task_losses({task: model.heads[task](features) for task in model.tasks}, batch.data_samples)[0]


def test_a_static_trunks_gradient_is_that_of_the_weighted_sum() -> None:
    model = build()
    objective = begin(model)
    factors = torch.tensor([0.5 * 1.0, 0.3 * 2.0, 0.2 * 0.5])
    owned = [*model.backbone.streams[0].parameters(), *model.heads.parameters()]
    loss, expected = loss_of(objective, model), (factors * plain_losses(model)).sum()
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)
    for found, wanted in zip(*(torch.autograd.grad(value, owned) for value in (loss, expected)), strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("kind", HYPERNETS)
def test_only_owned_parameters_change(kind: str) -> None:
    model = build(kind)
    objective = begin(model)
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {
        name for name, _ in model.named_parameters() if name.startswith(OWNED[kind])
    }
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        loss_of(objective, model).backward()
        assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
        optimizer.step()
    changed = {n for n, v in model.state_dict().items() if not torch.equal(v.nan_to_num(), before[n].nan_to_num())}
    parameters = {name for name, _ in model.named_parameters()}
    moving = {n for n in changed - parameters if "running_" in n or n.endswith("num_batches_tracked")}
    assert {n.split(".")[0] for n in changed & parameters} == {n.split(".")[0] for n in OWNED[kind]}
    assert all(n.startswith(OWNED[kind]) for n in changed & parameters)
    # Statistics follow the images even where a hypernet makes all parameters.
    assert changed - parameters == moving
    assert {n.split(".")[0] for n in moving} == {"backbone", "heads"}
    assert not any(n.startswith(("backbone.streams.1.", "backbone.streams.2.")) for n in changed)


def test_phn_bn_changes_norm_parameters_of_the_nodes_only() -> None:
    model = build("phn_bn")
    begin(model)
    states = model.norm_states(ASKED, model.edge_hypernet.tree)
    names = {name for node, state in states.items() for name in state if node[0] < model.num_layers}
    norms = {
        f"{name}.{kind}"
        for node in model.backbone.streams[0].nodes
        for name, module in node.named_modules()
        if isinstance(module, torch.nn.BatchNorm2d)
        for kind in ("weight", "bias")
    }
    assert names == norms
    assert {node for node in states if node[0] == model.num_layers} == set()
    assert {stream for _, stream in states} == {0}


def test_a_given_tree_trains_its_nodes() -> None:
    tree = ((0, 0, 2), (0, 0, 2), (0, 1, 2))
    model = build(tree=tree)
    begin(model)
    owned = {n.split(".nodes.")[0][-1] + n.split(".nodes.")[1][0]
             for n, p in model.backbone.named_parameters() if p.requires_grad}  # fmt: skip
    assert owned == {f"{i}{layer}" for layer, i in ((0, 0), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2))}


@pytest.mark.parametrize("kind", HYPERNETS)
def test_epo_weights_come_from_the_gradients(kind: str) -> None:
    model = build(kind)
    objective = begin(model, scalarization="epo")
    loss = loss_of(objective, model)
    batch, tree = batch_of(model), model.edge_hypernet.tree
    torch.manual_seed(0)
    losses, _ = model.tree_losses(batch.inputs, batch.data_samples, tree, model.norm_states(ASKED, tree))
    scaled = losses * torch.tensor([1.0, 2.0, 0.5])
    owned = [p for p in model.parameters() if p.requires_grad]
    rows = [torch.autograd.grad(value, owned, retain_graph=True, allow_unused=True) for value in scaled]
    gram = [
        [sum(float((a * b).sum()) for a, b in zip(x, y, strict=True) if None not in (a, b)) for y in rows] for x in rows
    ]
    alpha = epo_weights(scaled.detach().double().numpy(), np.array(gram), np.array(ASKED.weights))
    assert float(loss) == pytest.approx(3 * float(alpha @ scaled.detach().double().numpy()), rel=1e-3)
    assert alpha != pytest.approx(ASKED.weights, abs=0.01)


def test_geometric_weights_are_the_preference_over_the_losses() -> None:
    model = build()
    owned = [*model.backbone.streams[0].parameters(), *model.heads.parameters()]
    loss, plain = loss_of(begin(model, scalarization="geometric"), model), plain_losses(model)
    expected = (torch.tensor(ASKED.weights) / plain.detach() * plain).sum()
    for found, wanted in zip(*(torch.autograd.grad(value, owned) for value in (loss, expected)), strict=True):
        torch.testing.assert_close(found, wanted)
    assert float(loss) == pytest.approx(float(plain.detach().log() @ torch.tensor(ASKED.weights)), rel=1e-5)


def test_preferences_are_fixed_or_drawn() -> None:
    rng, model = np.random.default_rng(0), build()
    fixed = begin(model, preference=[2, 1, 1])
    assert [fixed.preferences(model.tasks, rng) for _ in range(2)] == [[Preference(tiny.TASKS, (0.5, 0.25, 0.25))]] * 2
    named = begin(model, preference={"depth": 1})
    assert named.preferences(model.tasks, rng)[0].weights == (0, 1, 0)
    drawn = [begin(model, concentrations=(1.0,)).preferences(model.tasks, rng)[0] for _ in range(3)]
    assert len(set(drawn)) == 3
    assert all(0 < r.cost_weight < 1 for r in drawn)


def test_the_stage_makes_the_model_controllable_and_forgets_old_measurements() -> None:
    model = build()
    model.path_losses.fill_(1)
    model.affinity.fill_(1)
    objective = begin(model)
    assert model.is_controllable
    assert model.loss_scale.tolist() == list(SCALE.values())
    assert bool(model.path_losses.isnan().all())
    assert bool(model.affinity.isnan().all())
    model.loss_scale.fill_(7)
    objective.prepare(model, tiny.frames(), resumed=True)
    assert model.loss_scale.tolist() == [7, 7, 7]


def test_loss_weights_of_a_checkpoint_and_of_an_earlier_stage(tmp_path: Path) -> None:
    source, path = tiny.build_model(stream=tiny.SHORT), str(tmp_path / "single.pth")
    source.loss_scale.copy_(torch.tensor([3.0, 4.0, 5.0]))
    torch.save({"state_dict": source.state_dict()}, path)
    model = build()
    TreeObjective(loss_weights=path).prepare(model, tiny.frames(), resumed=False)
    assert model.loss_scale.tolist() == [3, 4, 5]
    TreeObjective().prepare(model, tiny.frames(), resumed=False)
    assert model.loss_scale.tolist() == [3, 4, 5]
    model = build()
    TreeObjective().prepare(model, tiny.frames(), resumed=False)
    assert model.loss_scale.tolist() == [1, 1, 1]


def test_single_task_nets_are_measured_as_the_path_table_does(tmp_path: Path) -> None:
    """So that a static network has the weights of the controllable one whose anchor is the same."""
    single, path = tiny.build_model(stream=tiny.SHORT, seed=1), str(tmp_path / "single.pth")
    torch.save({"state_dict": single.state_dict()}, path)
    edges = tiny.build_edge_objective(source="table", images=3)
    edges.prepare(single, tiny.frames(), resumed=False)
    model = build()
    before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
    TreeObjective(loss_weights=path, images=3).prepare(model, tiny.frames(), resumed=False)
    torch.testing.assert_close(model.loss_scale, single.loss_scale, rtol=1e-4, atol=0)
    assert all(torch.equal(value, before[name]) for name, value in model.backbone.state_dict().items())


def test_refuses_a_search_that_has_not_ended() -> None:
    model = tiny.build_model(stream=tiny.SHORT, edge_hypernet={"type": "mmdymu.FreeEdges"}, weight_hypernet=None)
    with pytest.raises(ValueError, match="trains the tree that a search has found, but none has"):
        TreeObjective().prepare(model, tiny.frames(), resumed=False)
    model.edge_hypernet.decide(model.anchor_tree)
    TreeObjective().prepare(model, tiny.frames(), resumed=False)


def test_refuses_checkpoints_of_other_models(tmp_path: Path) -> None:
    path, model = str(tmp_path / "single.pth"), build()
    others = {
        r"is about the tasks \['depth', 'normals', 'semseg'\]": tiny.build_model(("depth", "normals", "semseg")),
        "belongs to another network": tiny.build_model(),
    }
    for message, other in others.items():
        torch.save({"state_dict": other.state_dict()}, path)
        with pytest.raises(ValueError, match=message):
            TreeObjective(loss_weights=path).prepare(model, tiny.frames(), resumed=False)
    torch.save({"state_dict": {"backbone.conv1.weight": torch.zeros(1)}}, path)
    with pytest.raises(ValueError, match="names no tasks"):
        TreeObjective(loss_weights=path).prepare(model, tiny.frames(), resumed=False)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        TreeObjective(loss_weights="nowhere.pth").prepare(model, tiny.frames(), resumed=False)


@pytest.mark.parametrize(
    ("weights", "message"),
    [({"semseg": 1}, "must name each"), ({**SCALE, "depth": 0}, "must be positive"), ({**SCALE, "x": 1}, "each")],
)
def test_refuses_bad_loss_weights(weights: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TreeObjective(loss_weights=weights).prepare(build(), tiny.frames(), resumed=False)


def test_refuses_a_model_whose_tree_changes() -> None:
    with pytest.raises(ValueError, match="type='FixedEdges'"):
        TreeObjective().trained_modules(tiny.build_model(stream=tiny.SHORT))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scalarization": "sum"}, "scalarization='sum'"),
        ({"concentrations": (0.0,)}, r"concentrations=\(0.0,\)"),
        ({"images": 0}, "images=0"),
    ],
)
def test_refuses_bad_settings(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TreeObjective(**options)


@pytest.mark.parametrize("scalarization", ["linear", "geometric", "epo"])
@pytest.mark.parametrize("kind", HYPERNETS)
def test_a_classifiers_batch_without_a_task(kind: str, scalarization: str) -> None:
    model = tiny_classes.build_model(
        edge_hypernet={"type": "mmdymu.FixedEdges", "tree": ((0, 1, 1),) * 4}, weight_hypernet=HYPERNETS[kind]
    )
    objective = TreeObjective(scalarization=scalarization)
    objective.prepare(model, tiny.frames(), resumed=False)
    model.begin_stage(objective)
    samples, x = tiny_classes.samples([("fish", 0), ("fish", 1)]), torch.randn(2, 3, 32, 32)
    asked = Preference.uniform(model.tasks)
    loss = objective.losses(model, preferences=[asked], inputs=x, data_samples=samples)["loss_tasks"]
    loss.backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in model.parameters() if p.requires_grad)
    assert scalarization == "geometric" or float(loss) > 0
